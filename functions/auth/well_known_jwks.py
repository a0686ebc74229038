"""The public keys that verify access tokens, at the path that OpenID Connect discovery uses."""

from cift.contracts.auth import Jwks
from cift.function import http
from cift.platform.tokens import Verifier


@http("GET", "/.well-known/jwks.json", scope=None)
async def well_known_jwks(verifier: Verifier) -> Jwks:
    return Jwks.model_validate(verifier.jwks)
