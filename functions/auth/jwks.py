"""The public keys that verify access tokens (RFC 7517)."""

from cift.contracts.auth import Jwks
from cift.function import http
from cift.platform.tokens import Verifier


@http("GET", "/api/v1/auth/jwks", scope=None)
async def jwks(verifier: Verifier) -> Jwks:
    return Jwks.model_validate(verifier.jwks)
