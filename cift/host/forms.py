"""The conventions of a request's API: ours, or those of Alpaca (`Function.form`).

Functions of the form `alpaca` are served at their path and below `/alpaca`. Their clients write paths with a
doubled first or an added last slash, and cannot read an error without a numeric code. So these paths are
normalised here, without a redirect, and every error below them has Alpaca's form.
"""

from collections.abc import Mapping
from typing import Any

from cift.function import Form
from cift.kernel.errors import CiftError

PREFIX = "/alpaca"
_NAMES = ("/v1/", "/v1beta1/", "/v1beta3/", "/v2/", "/v2beta1/", "/v3/")
"""What Alpaca's paths begin with."""
PAIR = (b"apca-api-key-id", b"apca-api-secret-key")


def alpaca_path(path: str) -> str | None:
    """The path of a function of the form `alpaca` for this path of a request; None if it cannot be one."""
    found = "/" + path.removeprefix(PREFIX).strip("/")
    return found if found.startswith(_NAMES) or found == "/stream" else None


def form_of(path: str) -> Form:
    """The form of an error for a path that has no function."""
    return "alpaca" if path.startswith(f"{PREFIX}/") or alpaca_path(path) is not None else "cift"


def has_credential(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request has a header that authenticates its caller."""
    return any(name in headers for name in (b"authorization", b"x-api-key", *PAIR))


def key_pair(headers: Mapping[bytes, bytes]) -> tuple[str, str] | None:
    """Id and secret of an API key, as Alpaca's clients send them; a missing one is empty."""
    if not any(name in headers for name in PAIR):
        return None
    key_id, secret = (headers.get(name, b"").decode("latin-1") for name in PAIR)
    return key_id, secret


def error_fields(error: CiftError, request_id: str) -> dict[str, Any]:
    """The body of an error in Alpaca's form."""
    from cift.alpaca.errors import error_fields  # only requests of Alpaca's clients need it

    return error_fields(error, request_id)
