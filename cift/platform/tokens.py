"""Access tokens: JWT, ES256 only. No other module signs or verifies them (python-jose).

A token names its key (`kid`); every claim below is required and checked. The keys are in a folder, one PEM
file per key, and the file's name (without .pem) is the key's id. The last key by name signs, all keys
verify. To change the key, add a file and remove the old one half an hour later.
"""

import base64
import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from jose import jwk, jws, jwt
from jose.backends.base import Key
from jose.exceptions import JOSEError

from cift.kernel.ids import parse_uuid, uuid7

ALGORITHM = "ES256"
TOKEN_BYTES_MAX = 4096
SESSION_SCOPES = ("read", "trade", "funds", "keys")
CLOCK_SKEW_S = 5


class InvalidToken(Exception):
    """The token is not valid or has expired. The text is for logs, never for callers."""


class NoKeys(Exception):
    """There is no usable signing key; one sentence."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a valid access token."""

    user_id: str
    account_id: str
    token_id: str
    scopes: frozenset[str]
    expires_at: int
    """Seconds since the epoch."""


class Tokens:
    """Signs and verifies tokens with the keys of one folder."""

    def __init__(self, folder: Path, issuer: str, audience: str, lifetime_s: int) -> None:
        self._issuer, self._audience, self._lifetime_s = issuer, audience, lifetime_s
        self._public: dict[str, Key] = {}
        self._jwks: list[dict[str, Any]] = []
        self._private: Key | None = None
        self._kid = ""
        try:
            paths = sorted(folder.glob("*.pem"))
        except OSError as error:
            raise NoKeys(f"the folder of signing keys {folder} cannot be read: {error}") from None
        for path in paths:
            private = serialization.load_pem_private_key(path.read_bytes(), None)
            if not isinstance(private, ec.EllipticCurvePrivateKey) or private.curve.name != "secp256r1":
                raise NoKeys(f"{path} is not a key for {ALGORITHM}: it must be an EC key on the curve P-256")
            public_pem = private.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
            )
            self._kid = path.stem
            self._private = jwk.construct(path.read_bytes().decode(), ALGORITHM)
            public = self._public[self._kid] = jwk.construct(public_pem.decode(), ALGORITHM)
            fields = {k: v.decode() if isinstance(v, bytes) else v for k, v in public.to_dict().items()}
            self._jwks.append({**fields, "kid": self._kid, "use": "sig", "alg": ALGORITHM})
        if self._private is None:
            raise NoKeys(f"there is no signing key (*.pem) in {folder}")

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWK Set (RFC 7517)."""
        return {"keys": self._jwks}

    @property
    def lifetime_s(self) -> int:
        return self._lifetime_s

    def sign(self, user_id: str, account_id: str) -> tuple[str, str, int]:
        """A new access token with all scopes of a session: the token, its id, and its expiry in seconds since
        the epoch."""
        now = int(time.time())
        token_id = uuid7()
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": user_id,
            "exp": now + self._lifetime_s,
            "iat": now,
            "jti": token_id,
            "typ": "access",
            "acct": account_id,
            "scope": " ".join(SESSION_SCOPES),
        }
        assert self._private is not None
        token: str = jwt.encode(claims, self._private, algorithm=ALGORITHM, headers={"kid": self._kid})
        return token, token_id, claims["exp"]  # type: ignore[return-value]

    def verify(self, token: str) -> Claims:
        """The claims of a token, after all checks.

        Raises:
            InvalidToken: a check failed.
        """
        if len(token) > TOKEN_BYTES_MAX:
            raise InvalidToken("too long")
        try:
            header = jws.get_unverified_header(token)
            # The token must not choose the algorithm: this refuses `none` and HS256.
            if header.get("alg") != ALGORITHM:
                raise InvalidToken(f"alg {header.get('alg')!r}")
            key = self._public.get(str(header.get("kid")))
            if key is None:
                raise InvalidToken("unknown kid")
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._audience,
                issuer=self._issuer,
                options={
                    **{f"require_{name}": True for name in ("aud", "iat", "exp", "iss", "sub", "jti")},
                    "leeway": CLOCK_SKEW_S,
                },
            )
        except (JOSEError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise InvalidToken(repr(error)) from error
        if claims.get("typ") != "access":
            raise InvalidToken("typ")
        # A list of audiences is refused even if it includes ours: such a token is for other services too.
        if claims["aud"] != self._audience:
            raise InvalidToken("aud")
        expires, issued, scope = claims["exp"], claims["iat"], claims.get("scope")
        if type(expires) is not int or type(issued) is not int or issued > time.time() + CLOCK_SKEW_S:
            raise InvalidToken("times")
        ids = [parse_uuid(v) if isinstance(v, str) else None for v in map(claims.get, ("sub", "acct", "jti"))]
        if None in ids or not isinstance(scope, str):
            raise InvalidToken("sub, acct, jti or scope")
        user_id, account_id, token_id = map(str, ids)
        return Claims(user_id, account_id, token_id, frozenset(scope.split()), expires)


def make_key(folder: Path) -> Path:
    """Create a signing key (mode 600) in `folder`, which is created if missing; returns its path."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    private = ec.generate_private_key(ec.SECP256R1())
    public = private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    kid = (
        f"{time.strftime('%Y%m%d')}-{base64.b32encode(hashlib.sha256(public).digest())[:8].decode().lower()}"
    )
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = folder / f"{kid}.pem"
    partial = folder / f".{kid}.partial"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(pem)
        file.flush()
        os.fsync(file.fileno())
    partial.rename(path)  # atomic: readers never see half a key
    return path
