"""Errors in Alpaca's form: `{"code": <number>, "message": …}` with the facts beside them.

The number is HTTP status x 100,000 + 10,000 + n, of the status that Alpaca uses for the meaning, which is not
always the status that it sends. Our own reason is in `reason`, and our sentence in `detail`.
"""

from typing import Any

from cift.kernel.errors import CiftError

NOT_UNIQUE = "client_order_id must be unique"
_FORBIDDEN, _INVALID, _UNPROCESSABLE, _NOT_FOUND = 40310000, 40010001, 42210000, 40410000

_MEANINGS: dict[str, tuple[int, int, str | None]] = {
    "insufficient_buying_power": (403, _FORBIDDEN, "insufficient buying power"),
    "leverage_limit": (403, _FORBIDDEN, "insufficient buying power"),
    "insufficient_position": (403, _FORBIDDEN, "insufficient qty available for order"),
    "reduce_only_would_increase": (403, _FORBIDDEN, "insufficient qty available for order"),
    "market_closed": (403, _FORBIDDEN, "the market is closed"),
    "daily_loss_limit": (403, _FORBIDDEN, None),
    "account_suspended": (403, _FORBIDDEN, "account is not authorized to trade"),
    "account_reduce_only": (403, _FORBIDDEN, "account is restricted to liquidation only"),
    "unknown_symbol": (422, _UNPROCESSABLE, None),
    "idempotency_conflict": (422, _INVALID, NOT_UNIQUE),
    "duplicate_order_id": (422, _INVALID, NOT_UNIQUE),
    "order_not_open": (422, _UNPROCESSABLE, None),
    "invalid_json": (400, 40010000, None),
    "invalid_request": (422, _INVALID, None),
    "invalid_number": (422, _INVALID, None),
    "invalid_time": (422, _INVALID, None),
    "untrusted_host": (400, 40010000, None),
    "not_found": (404, _NOT_FOUND, "endpoint not found"),
    "order_not_found": (404, _NOT_FOUND, "order not found"),
    "position_not_found": (404, _NOT_FOUND, "position does not exist"),
}
"""Our reason → HTTP status, Alpaca's number, and Alpaca's sentence; None: our sentence."""


class AlpacaError(CiftError):
    """An error that has a form of its own in Alpaca's API: a number, a sentence, and facts beside them."""

    def __init__(
        self, status: int, number: int, message: str, *, reason: str = "invalid_request", **facts: Any
    ) -> None:
        super().__init__(reason, message, status=status)
        self.number, self.facts = number, facts


def not_found(message: str) -> AlpacaError:
    """404 with Alpaca's number."""
    return AlpacaError(404, _NOT_FOUND, message, reason="not_found")


def unprocessable(message: str, **facts: Any) -> AlpacaError:
    """422 for a request that is understood and cannot be carried out."""
    return AlpacaError(422, _UNPROCESSABLE, message, **facts)


def invalid(message: str) -> AlpacaError:
    """422 for a parameter with a wrong value."""
    return AlpacaError(422, _INVALID, message)


def forbidden(message: str, **facts: Any) -> AlpacaError:
    """403 for what the account may not do now."""
    return AlpacaError(403, _FORBIDDEN, message, **facts)


def fields(error: CiftError) -> dict[str, Any]:
    """`code`, `message` and the facts of an error, and sets its HTTP status to Alpaca's."""
    if isinstance(error, AlpacaError):
        return {"code": error.number, "message": error.message, **error.facts, "reason": error.code}
    meaning = _MEANINGS.get(error.code)
    if meaning is not None:
        error.status, number, sentence = meaning
    elif error.status == 401:
        number, sentence = 40110000, "request is not authorized"
    else:
        number, sentence = error.status * 100_000 + 10_000, None
    found: dict[str, Any] = {"code": number, "message": sentence or _sentence(error)}
    if sentence is not None:
        found["detail"] = error.message
    found["reason"] = error.code
    if error.id is not None:
        found["order_id"] = error.id
    return found


def error_fields(error: CiftError, request_id: str) -> dict[str, Any]:
    """The body of an error response."""
    return {**fields(error), "request_id": request_id}


def _sentence(error: CiftError) -> str:
    return f"{error.field}: {error.message}" if error.field is not None else error.message
