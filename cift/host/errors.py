"""The only place that turns errors into HTTP responses. Every function uses one form, `ErrorView`; only those
that speak to Alpaca's clients use Alpaca's."""

import logging

import orjson

from cift.function import Form
from cift.host import forms
from cift.kernel.errors import CiftError, Expected, Poison, Refused

log = logging.getLogger("cift.host")
_NUL_ERRORS = ("CharacterNotInRepertoireError", "UntranslatableCharacterError")
"""asyncpg's errors for U+0000, which PostgreSQL's text cannot hold. Names: not every function imports it."""


def to_cift_error(error: BaseException) -> CiftError:
    """A `CiftError` is returned unchanged. Any other error is logged and becomes `internal`."""
    if isinstance(error, CiftError):
        return error
    if type(error).__name__ in _NUL_ERRORS:
        return Refused("invalid_request", "A text of the request has the character U+0000")
    log.error("uncaught error", exc_info=error)
    return CiftError("internal", "Internal error; find it in the logs by the request id", status=500)


def body(error: CiftError, request_id: str, form: Form = "cift") -> bytes:
    """The JSON of `cift.contracts.errors.ErrorView` without the fields that are None, or of Alpaca's form."""
    if form == "alpaca":
        return orjson.dumps(forms.error_fields(error, request_id))
    fields = {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "request_id": request_id,
        "id": error.id,
    }
    return orjson.dumps({name: value for name, value in fields.items() if value is not None})


def headers(error: CiftError) -> list[tuple[bytes, bytes]]:
    """The headers of the error response."""
    found = [(b"content-type", b"application/json")]
    if error.retry_after is not None:
        found.append((b"retry-after", str(error.retry_after).encode()))
    if error.status == 401:
        found.append((b"www-authenticate", b'Bearer realm="cift"'))
    return found


def to_relay(error: BaseException, request_id: str) -> tuple[int, bytes]:
    """Status and body for relay, which acts on two codes: `expected` (deliver from that record on) and
    `poison`."""
    if isinstance(error, Expected):
        fields = {
            "code": "expected",
            "expected": error.sequence,
            "message": f"Deliver from record {error.sequence} on",
        }
        return 409, orjson.dumps({**fields, "request_id": request_id})
    if isinstance(error, Poison):
        log.error("poison: %s", error)
        return 422, orjson.dumps({"code": "poison", "message": str(error), "request_id": request_id})
    reported = to_cift_error(error)
    return reported.status, body(reported, request_id)
