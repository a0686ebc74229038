"""What identity allows, without any store."""

import pytest

from cift.auth import rules
from cift.auth.passwords import hash_password, verify_password
from cift.kernel.errors import Refused
from cift.platform.settings import Settings


def test_passwords_are_hashed_with_twelve_rounds_unless_told_otherwise() -> None:
    assert Settings().bcrypt_rounds == 12


@pytest.mark.parametrize(
    "password", ["abcdefghijkl", "x" * 69 + "abc", "ä" * 34 + "bcd", "mit Leerzeichen drin"]
)
def test_acceptable_passwords(password: str) -> None:
    rules.check_password(password, "somebody")


@pytest.mark.parametrize("password", ["", "abcdefghijk", "x" * 70 + "abc", "abababababab", "Some.Body.1234"])
def test_unacceptable_passwords(password: str) -> None:
    with pytest.raises(Refused) as refused:
        rules.check_password(password, "some.body.1234")
    assert refused.value.field == "password"


def test_ids_of_account_and_deposit_follow_from_the_users() -> None:
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


async def test_an_unknown_user_costs_the_same_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in bcrypt's work (rounds), not in time, which would be a guess on a busy machine."""
    import bcrypt

    asked: list[bytes] = []
    real = bcrypt.checkpw

    def counted(password: bytes, hashed: bytes) -> bool:
        asked.append(hashed[:7])
        return real(password, hashed)

    monkeypatch.setattr(bcrypt, "checkpw", counted)
    hashed = await hash_password("correct horse battery", 5)
    await verify_password("wrong", hashed, 5)
    await verify_password("wrong", None, 5)
    await verify_password("x" * 100, hashed, 5)
    assert asked == [b"$2b$05$"] * 3
