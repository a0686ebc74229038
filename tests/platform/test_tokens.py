"""Forged, expired and foreign access tokens are refused; ours are accepted."""

import base64
import hashlib
import hmac
import json
import time
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwt

from cift.platform import tokens as module
from cift.platform.tokens import InvalidToken, NoKeys, Tokens, Verifier, make_key, public_parts

USER = "01a1fd17-0fff-7000-8149-74f7c02275c7"
ACCOUNT = "6ba7b810-9dad-51d1-80b4-00c04fd430c8"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_key(tmp_path)
    return tmp_path


@pytest.fixture
def tokens(folder: Path) -> Tokens:
    return Tokens(folder, "cift", "cift-markets", 1800)


def pem(folder: Path) -> str:
    return next(iter(sorted(folder.glob("*.pem")))).read_text()


def kid(folder: Path) -> str:
    return next(iter(sorted(folder.glob("*.pem")))).stem


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    valid = {
        "iss": "cift",
        "aud": "cift-markets",
        "sub": USER,
        "exp": now + 600,
        "iat": now,
        "jti": "01a1fd17-0fff-7000-8149-74f7c02275c8",
        "typ": "access",
        "acct": ACCOUNT,
        "scope": "read trade",
    }
    return {k: v for k, v in (valid | changed).items() if v is not None}


def signed(folder: Path, body: dict[str, Any], **header: Any) -> str:
    return str(jwt.encode(body, pem(folder), algorithm="ES256", headers={"kid": kid(folder), **header}))


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def handmade(header: dict[str, Any], body: dict[str, Any], signature: bytes) -> str:
    return f"{b64(json.dumps(header).encode())}.{b64(json.dumps(body).encode())}.{b64(signature)}"


def test_our_own_token_is_accepted(tokens: Tokens, folder: Path) -> None:
    token, token_id, expires = tokens.sign(USER, ACCOUNT)
    found = tokens.verify(token)
    assert (found.user_id, found.account_id, found.token_id, found.expires_at) == (
        USER,
        ACCOUNT,
        token_id,
        expires,
    )
    assert found.scopes == {"read", "trade", "funds", "keys"}
    assert tokens.verify(signed(folder, claims())).scopes == {"read", "trade"}


def test_alg_none_is_refused(tokens: Tokens, folder: Path) -> None:
    for alg in ("none", "None", "NONE"):
        for signature in (b"", b"x"):
            with pytest.raises(InvalidToken):
                tokens.verify(handmade({"alg": alg, "typ": "JWT", "kid": kid(folder)}, claims(), signature))


def test_hs256_signed_with_the_public_key_is_refused(tokens: Tokens, folder: Path) -> None:
    private = serialization.load_pem_private_key(pem(folder).encode(), None)
    public = private.public_key()
    forms = [
        public.public_bytes(encoding, form)
        for encoding in (serialization.Encoding.PEM, serialization.Encoding.DER)
        for form in (serialization.PublicFormat.SubjectPublicKeyInfo,)
    ]
    forms += [forms[0].strip(), json.dumps(tokens.jwks["keys"][0]).encode()]
    for secret in forms:
        header = {"alg": "HS256", "typ": "JWT", "kid": kid(folder)}
        unsigned = handmade(header, claims(), b"").rstrip(".")
        forged = f"{unsigned}.{b64(hmac.new(secret, unsigned.encode(), hashlib.sha256).digest())}"
        with pytest.raises(InvalidToken):
            tokens.verify(forged)


def test_another_key_is_refused_with_any_kid(tokens: Tokens, folder: Path, tmp_path: Path) -> None:
    other = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    for name in (kid(folder), "other", "", None, 7, "../../etc/passwd"):
        headers = {} if name is None else {"kid": name}
        forged = jwt.encode(claims(), other.decode(), algorithm="ES256", headers=headers)
        with pytest.raises(InvalidToken):
            tokens.verify(forged)


def test_a_key_in_the_header_is_not_used(tokens: Tokens, folder: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    numbers = private.public_key().public_numbers()
    jwk = {
        "kty": "EC",
        "crv": "P-256",
        "x": b64(numbers.x.to_bytes(32, "big")),
        "y": b64(numbers.y.to_bytes(32, "big")),
    }
    other = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    forged = jwt.encode(claims(), other.decode(), algorithm="ES256", headers={"jwk": jwk, "kid": kid(folder)})
    with pytest.raises(InvalidToken):
        tokens.verify(forged)


@pytest.mark.parametrize(
    "changed",
    [
        {"exp": None},
        {"exp": 1e300},
        {"iat": None},
        {"aud": None},
        {"aud": "somebody-else"},
        {"aud": ["cift-markets", "somebody-else"]},
        {"iss": None},
        {"iss": "somebody-else"},
        {"sub": None},
        {"sub": "not-a-uuid"},
        {"sub": 7},
        {"jti": None},
        {"jti": "not-a-uuid"},
        {"acct": None},
        {"acct": {"$ne": ""}},
        {"typ": None},
        {"typ": "refresh"},
        {"scope": None},
        {"scope": ["read"]},
    ],
    ids=str,
)
def test_a_valid_signature_over_invalid_claims_is_refused(
    tokens: Tokens, folder: Path, changed: dict[str, Any]
) -> None:
    with pytest.raises(InvalidToken):
        tokens.verify(signed(folder, claims(**changed)))


@pytest.mark.parametrize(
    ("claim", "from_now_s", "form"), [("exp", -60, int), ("exp", 600, str), ("iat", 3600, int)]
)
def test_a_valid_signature_over_an_invalid_time_is_refused(
    tokens: Tokens, folder: Path, claim: str, from_now_s: int, form: type[int] | type[str]
) -> None:
    invalid = form(int(time.time()) + from_now_s)
    with pytest.raises(InvalidToken):
        tokens.verify(signed(folder, claims(**{claim: invalid})))


def test_a_changed_byte_is_refused(tokens: Tokens) -> None:
    token, _, _ = tokens.sign(USER, ACCOUNT)
    header, body, signature = token.split(".")
    other = b64(json.dumps(claims(sub="01a1fd17-0fff-7000-8149-000000000000")).encode())
    for forged in (
        f"{header}.{other}.{signature}",
        f"{header}.{body}.{signature[:-8]}AAAAAAAA",
        f"{header}.{body}.",
        f"{header}.{body}",
        f"{header}.{body}.{signature}.{signature}",
        "",
        ".",
        "..",
        "a.b.c",
        "\x00",
        "é.é.é",
        token + "x" * 5000,
    ):
        with pytest.raises(InvalidToken):
            tokens.verify(forged)


def test_keys_can_be_changed_without_ending_sessions(folder: Path) -> None:
    old = Tokens(folder, "cift", "cift-markets", 1800)
    token, _, _ = old.sign(USER, ACCOUNT)
    first = kid(folder)
    new_path = make_key(folder)
    new_path.rename(folder / "99999999-newer.pem")
    both = Tokens(folder, "cift", "cift-markets", 1800)
    assert both.verify(token).user_id == USER
    assert jwt.get_unverified_header(both.sign(USER, ACCOUNT)[0])["kid"] == "99999999-newer"
    (folder / f"{first}.pem").unlink()
    with pytest.raises(InvalidToken):
        Tokens(folder, "cift", "cift-markets", 1800).verify(token)


def test_jwks_holds_public_keys_only(tokens: Tokens) -> None:
    (key,) = tokens.jwks["keys"]
    assert key["kty"] == "EC" and key["crv"] == "P-256" and key["alg"] == "ES256" and key["use"] == "sig"
    assert "d" not in key


def test_only_the_owner_can_read_key_files(folder: Path) -> None:
    (path,) = folder.glob("*.pem")
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_missing_key_and_a_key_of_another_curve_are_errors(tmp_path: Path) -> None:
    with pytest.raises(NoKeys, match="no key"):
        Tokens(tmp_path, "cift", "cift-markets", 1800)
    wrong = ec.generate_private_key(ec.SECP384R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "wrong.pem").write_bytes(wrong)
    with pytest.raises(NoKeys, match="P-256"):
        Tokens(tmp_path, "cift", "cift-markets", 1800)


def publish(private: Path, public: Path) -> None:
    """Write the public parts of a folder's keys into another folder."""
    public.mkdir(exist_ok=True)
    for name, pem in public_parts({each.name: each.read_text() for each in private.glob("*.pem")}).items():
        (public / name).write_text(pem)


def test_a_verifier_needs_public_keys_only_and_cannot_sign(folder: Path, tmp_path: Path) -> None:
    public = tmp_path / "public"
    publish(folder, public)
    token, _, _ = Tokens(folder, "cift", "cift-markets", 1800).sign(USER, ACCOUNT)
    verifier = Verifier(public, "cift", "cift-markets", 1800)
    assert verifier.verify(token).user_id == USER
    assert verifier.jwks == Tokens(folder, "cift", "cift-markets", 1800).jwks
    assert not hasattr(verifier, "sign") and "PRIVATE" not in repr(vars(verifier))
    with pytest.raises(NoKeys, match="no signing key"):
        Tokens(public, "cift", "cift-markets", 1800)


def test_both_parts_of_a_key_in_one_folder_are_one_key(folder: Path) -> None:
    publish(folder, folder)
    tokens = Tokens(folder, "cift", "cift-markets", 1800)
    assert len(tokens.jwks["keys"]) == 1
    assert tokens.verify(tokens.sign(USER, ACCOUNT)[0]).user_id == USER


def test_keys_change_in_running_processes_without_a_refused_token(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As k8s/README.md describes it, with a clock that the test moves: public part, private part, removal."""
    clock = [1_000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    public = tmp_path / "public"
    publish(folder, public)
    signer = Tokens(folder, "cift", "cift-markets", 1800)
    verifier = Verifier(public, "cift", "cift-markets", 1800)
    first = kid(folder)
    made = make_key(tmp_path / "new")
    new = made.rename(folder / "99999999-newer.pem")
    clock[0] += module.RELOAD_S
    token, _, _ = signer.sign(USER, ACCOUNT)
    assert jwt.get_unverified_header(token)["kid"] == first, "the verifiers do not have the new key yet"
    publish(folder, public)
    clock[0] += module.KEY_SETTLES_S
    token, _, _ = signer.sign(USER, ACCOUNT)
    assert jwt.get_unverified_header(token)["kid"] == new.stem
    assert verifier.verify(token).user_id == USER, "an unknown key is looked up in the folder"
    old = signed(folder, claims())
    assert verifier.verify(old).user_id == USER
    (folder / f"{first}.pem").unlink()
    (public / f"{first}.pub.pem").unlink()
    clock[0] += module.RELOAD_S
    with pytest.raises(InvalidToken, match="unknown kid"):
        verifier.verify(old)


def test_a_folder_that_becomes_unreadable_keeps_the_keys(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [1_000.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: clock[0])
    tokens = Tokens(folder, "cift", "cift-markets", 1800)
    token, _, _ = tokens.sign(USER, ACCOUNT)
    (folder / "99999999-half.pem").write_text("-----BEGIN PRIVATE KEY-----")
    clock[0] += module.RELOAD_S
    assert tokens.verify(token).user_id == USER
    assert "99999999-half.pem" in caplog.text
