"""Access tokens: JWT, ES256 only. No other module signs or verifies them (python-jose).

A token names its key (`kid`); every claim below is required and checked. The keys are in a folder, one PEM
file per key, and the file's name is the key's id: `<id>.pem` is a private key, `<id>.pub.pem` a public one.
In a cluster, functions that only verify have public keys (`Verifier`); those that start sessions have private
keys too (`Tokens`). All keys verify, and the last private key by name signs.

The folder is read again every RELOAD_S, and for an unknown `kid` after UNKNOWN_KEY_RELOAD_S, so that keys
change without a restart. A private key that appears in a running process signs after KEY_SETTLES_S: by then
every verifier has its public part. k8s/README.md describes how to change keys.
"""

import base64
import hashlib
import logging
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

log = logging.getLogger("cift.tokens")
PrivateKey = ec.EllipticCurvePrivateKey
PublicKey = ec.EllipticCurvePublicKey
ALGORITHM = "ES256"
TOKEN_BYTES_MAX = 4096
SESSION_SCOPES = ("read", "trade", "funds", "keys")
CLOCK_SKEW_S = 5
RELOAD_S = 30.0
UNKNOWN_KEY_RELOAD_S = 5.0
KEY_SETTLES_S = 120.0
"""Above the time in which Kubernetes writes a changed Secret into all pods, and RELOAD_S."""


class InvalidToken(Exception):
    """The token is not valid or has expired. The text is for logs, never for callers."""


class NoKeys(Exception):
    """There is no usable key; one sentence."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The claims of a valid access token."""

    user_id: str
    account_id: str
    token_id: str
    scopes: frozenset[str]
    expires_at: int
    """Seconds since the epoch."""


class Verifier:
    """Verifies tokens with the public keys of one folder. It keeps no private key in memory."""

    def __init__(self, folder: Path, issuer: str, audience: str, lifetime_s: int) -> None:
        self._folder, self._issuer, self._audience, self._lifetime_s = folder, issuer, audience, lifetime_s
        self._public: dict[str, Key] = {}
        self._jwks: list[dict[str, Any]] = []
        self._files: dict[str, tuple[int, int]] = {}
        self._read_at = 0.0
        self._read()

    def _read(self) -> None:
        """Read the folder if its files changed.

        Raises:
            NoKeys: the folder has no key, or a file that is not a key.
        """
        self._read_at = time.monotonic()
        try:
            paths = sorted(self._folder.glob("*.pem"))
            files = {path.name: (path.stat().st_mtime_ns, path.stat().st_size) for path in paths}
            if files and files == self._files:
                return
            texts = {path.name: path.read_bytes() for path in paths}
        except OSError as error:
            raise NoKeys(f"the folder of keys {self._folder} cannot be read: {error}") from None
        if not texts:
            raise NoKeys(f"there is no key (*.pem) in {self._folder}")
        self._take({name: _parsed(self._folder / name, text) for name, text in texts.items()})
        self._files = files

    def _take(self, keys: dict[str, PublicKey | PrivateKey]) -> None:
        public: dict[str, Key] = {}
        jwks: list[dict[str, Any]] = []
        for name, key in keys.items():
            kid = key_id(name)
            if kid in public:
                continue  # both parts of one key
            public_pem = _public_pem(key)
            made = public[kid] = jwk.construct(public_pem, ALGORITHM)
            fields = {k: v.decode() if isinstance(v, bytes) else v for k, v in made.to_dict().items()}
            jwks.append({**fields, "kid": kid, "use": "sig", "alg": ALGORITHM})
        self._public, self._jwks = public, jwks

    def _refresh(self, older_than_s: float) -> None:
        """Read the folder again if that was longer ago. If it cannot be read, the keys stay."""
        if time.monotonic() - self._read_at < older_than_s:
            return
        try:
            self._read()
        except NoKeys as error:
            log.error("the keys of access tokens stay as they are: %s", error)

    @property
    def jwks(self) -> dict[str, Any]:
        """The public keys as a JWK Set (RFC 7517)."""
        self._refresh(RELOAD_S)
        return {"keys": self._jwks}

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
            kid = str(header.get("kid"))
            self._refresh(RELOAD_S if kid in self._public else UNKNOWN_KEY_RELOAD_S)
            key = self._public.get(kid)
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


class Tokens(Verifier):
    """Signs and verifies tokens with the keys of one folder."""

    def __init__(self, folder: Path, issuer: str, audience: str, lifetime_s: int) -> None:
        self._private: dict[str, Key] = {}
        self._signs_from: dict[str, float] = {}
        super().__init__(folder, issuer, audience, lifetime_s)

    def _take(self, keys: dict[str, PublicKey | PrivateKey]) -> None:
        private = {
            key_id(name): jwk.construct(_private_pem(key), ALGORITHM)
            for name, key in keys.items()
            if isinstance(key, PrivateKey)
        }
        if not private:
            raise NoKeys(f"there is no signing key (a private key in *.pem) in {self._folder}")
        super()._take(keys)
        from_s = time.monotonic() + KEY_SETTLES_S if self._private else 0.0
        self._signs_from = {kid: self._signs_from.get(kid, from_s) for kid in private}
        self._private = private

    @property
    def lifetime_s(self) -> int:
        return self._lifetime_s

    def sign(self, user_id: str, account_id: str) -> tuple[str, str, int]:
        """A new access token with all scopes of a session: the token, its id, and its expiry in seconds since
        the epoch."""
        self._refresh(RELOAD_S)
        settled = [kid for kid, at in self._signs_from.items() if at <= time.monotonic()]
        kid = max(settled or self._private)
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
        token: str = jwt.encode(claims, self._private[kid], algorithm=ALGORITHM, headers={"kid": kid})
        return token, token_id, claims["exp"]  # type: ignore[return-value]


def key_id(name: str) -> str:
    """The id of the key in a file: `20261130-abc.pem` and `20261130-abc.pub.pem` have one."""
    return name.removesuffix(".pem").removesuffix(".pub")


def _parsed(path: Path, pem: bytes) -> PublicKey | PrivateKey:
    try:
        if b"PRIVATE KEY" in pem:
            key: Any = serialization.load_pem_private_key(pem, None)
        else:
            key = serialization.load_pem_public_key(pem)
    except (ValueError, TypeError) as error:
        raise NoKeys(f"{path} is not a PEM file of a key without a password: {error}") from None
    if not isinstance(key, PublicKey | PrivateKey) or key.curve.name != "secp256r1":
        raise NoKeys(f"{path} is not a key for {ALGORITHM}: it must be an EC key on the curve P-256")
    return key


def _public_pem(key: PublicKey | PrivateKey) -> str:
    public = key.public_key() if isinstance(key, PrivateKey) else key
    return public.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    ).decode()


def _private_pem(key: PrivateKey) -> str:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


def public_parts(files: dict[str, str]) -> dict[str, str]:
    """The public keys of PEM files: file name → PEM, for a folder of a `Verifier`.

    Raises:
        NoKeys: there is none, or a file is not a key.
    """
    found = {
        f"{key_id(name)}.pub.pem": _public_pem(_parsed(Path(name), pem.encode()))
        for name, pem in files.items()
        if name.endswith(".pem")
    }
    if not found:
        raise NoKeys("there is no key (*.pem) among these files")
    return found


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
