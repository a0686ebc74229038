"""The only place that turns errors into HTTP responses. Every function uses one form, `ErrorView`."""

import logging

import orjson

from cift.kernel.errors import CiftError, Expected, Poison

log = logging.getLogger("cift.host")


def as_answer(error: BaseException) -> CiftError:
    """What the caller is told: a refusal as it is; anything else is logged, and `internal`."""
    if isinstance(error, CiftError):
        return error
    log.error("uncaught", exc_info=error)
    return CiftError("internal", "Something failed here; the request id finds it in the logs", status=500)


def body(error: CiftError, request_id: str) -> bytes:
    """The JSON of `cift.contracts.errors.ErrorView`, without what is not said."""
    said = {
        "code": error.code,
        "message": error.message,
        "field": error.field,
        "request_id": request_id,
        "id": error.id,
    }
    return orjson.dumps({name: value for name, value in said.items() if value is not None})


def headers(error: CiftError) -> list[tuple[bytes, bytes]]:
    """What goes with the body."""
    found = [(b"content-type", b"application/json")]
    if error.retry_after is not None:
        found.append((b"retry-after", str(error.retry_after).encode()))
    if error.status == 401:
        found.append((b"www-authenticate", b'Bearer realm="cift"'))
    return found


def to_relay(error: BaseException, request_id: str) -> tuple[int, bytes]:
    """Status and body for relay, which acts on two codes: `expected` (go to that record) and `poison`."""
    if isinstance(error, Expected):
        said = {"code": "expected", "expected": error.sequence, "message": f"Go to record {error.sequence}"}
        return 409, orjson.dumps({**said, "request_id": request_id})
    if isinstance(error, Poison):
        log.error("poison: %s", error)
        return 422, orjson.dumps({"code": "poison", "message": str(error), "request_id": request_id})
    answer = as_answer(error)
    return answer.status, body(answer, request_id)
