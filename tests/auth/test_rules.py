"""Rules of identity, without any store."""

from pathlib import Path

import pytest

from cift.auth import common_passwords, rules
from cift.auth.passwords import hash_password, verify_password
from cift.kernel.errors import Refused
from cift.platform.settings import Settings


def test_passwords_are_hashed_with_twelve_rounds_by_default() -> None:
    assert Settings().bcrypt_rounds == 12


@pytest.mark.parametrize(
    "password",
    ["abcdefgh", "8letters", "x" * 69 + "abc", "ä" * 34 + "bcd", "zu wahr!", "mit Leerzeichen drin"],
)
def test_eight_characters_are_enough(password: str) -> None:
    rules.check_password(password, "somebody")


@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("", "at least 8 characters; this one has 0"),
        ("abcdefg", "at least 8 characters; this one has 7"),
        ("ääääääö", "at least 8 characters; this one has 7"),
        ("x" * 70 + "abc", "at most 72 bytes in UTF-8; this one has 73"),
        ("nul\x00" * 5, "must not contain NUL"),
        ("Some.Body.1234", "must differ from username and email"),
        ("baseball", "among the 10,000 most common"),
        ("12345678", "among the 10,000 most common"),
        ("PassWord1", "among the 10,000 most common"),
    ],
)
def test_a_refused_password_is_answered_with_the_reason(password: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason) as refused:
        rules.check_password(password, "some.body.1234")
    assert (refused.value.code, refused.value.field) == ("invalid_password", "password")
    assert not password or password not in refused.value.message


def test_the_list_of_common_passwords_holds_what_it_states() -> None:
    lines = Path(common_passwords.__file__).with_suffix(".txt").read_text().splitlines()
    words = [line for line in lines if not line.startswith("#")]
    assert len(words) == len(set(words)) == 3_395
    assert all(len(word) >= rules.PASSWORD_CHARACTERS_MIN and word == word.lower() for word in words)


def test_account_and_deposit_ids_are_derived_from_the_user_id() -> None:
    one, other = "01a1fd17-0fff-7000-8149-74f7c02275c7", "01a1fd17-0fff-7000-8149-74f7c02275c8"
    assert rules.account_of(one) == rules.account_of(one) != rules.account_of(other)
    assert rules.first_deposit_of(one) != rules.account_of(one)


async def test_a_hash_verifies_its_password_only() -> None:
    hashed = await hash_password("correct horse battery", 4)
    assert hashed.startswith("$2b$04$")
    assert await verify_password("correct horse battery", hashed, 4)
    assert not await verify_password("correct horse batterz", hashed, 4)
    assert not await verify_password("correct horse battery\x00", hashed, 4)
    assert not await verify_password("x" * 100, hashed, 4)
    assert not await verify_password("correct horse battery", None, 4)


async def test_an_unknown_user_costs_a_hash_of_the_same_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compares bcrypt rounds rather than durations, which vary on a busy machine."""
    import bcrypt

    hashes: list[bytes] = []
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        hashes.append(hashed[:7])
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    hashed = await hash_password("correct horse battery", 5)
    await verify_password("wrong", hashed, 5)
    await verify_password("wrong", None, 5)
    await verify_password("x" * 100, hashed, 5)
    assert hashes == [b"$2b$05$"] * 3
