"""The errors that are reported to callers.

Domain packages and `cift.platform` raise them; only `cift.host` translates them to HTTP. Each class holds
its HTTP `status`, so that the translation needs no table.
"""


class CiftError(Exception):
    """An error response: a code for programs, a message for people, and the field if one is at fault."""

    status = 500

    def __init__(
        self,
        code: str,
        message: str,
        field: str | None = None,
        *,
        status: int | None = None,
        retry_after: int | None = None,
        id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field
        self.retry_after = retry_after
        """Seconds to wait before a retry."""
        self.id = id
        """The id by which the caller can look the outcome up (`outcome_unknown`)."""
        if status is not None:
            self.status = status

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status} {self.code}: {self.message})"


class Refused(CiftError):
    """The request was rejected and nothing happened. 422 unless `status` is another."""

    status = 422


class Unauthenticated(CiftError):
    """401: the credential is missing or not valid."""

    status = 401


class Forbidden(CiftError):
    """403: the caller is known, but not allowed to do this."""

    status = 403


class NotFound(CiftError):
    """404. Also for what belongs to another account, so that callers cannot find out what exists."""

    status = 404

    def __init__(self, code: str = "not_found", message: str = "Not found", field: str | None = None) -> None:
        super().__init__(code, message, field)


class Conflict(CiftError):
    """409: the request conflicts with existing data."""

    status = 409


class RateLimited(CiftError):
    """429, with the seconds to wait in `retry_after`."""

    status = 429

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__("rate_limited", message, retry_after=retry_after)


class Unavailable(CiftError):
    """503: nothing happened, and a retry is safe."""

    status = 503

    def __init__(self, code: str, message: str, retry_after: int = 1) -> None:
        super().__init__(code, message, retry_after=retry_after)


class OutcomeUnknown(CiftError):
    """503 `outcome_unknown`: the change may or may not have happened. The caller looks it up by `id`.
    Never 504, because clients retry on 504."""

    status = 503

    def __init__(self, id: str | None) -> None:
        super().__init__(
            "outcome_unknown",
            "It is not known yet whether this was carried out. Look it up by its id, or send it again with"
            " the same client_order_id or Idempotency-Key",
            id=id,
        )


class ReadModelBehind(CiftError):
    """503 `read_model_behind`: the caller's last change is durable, but the tables to read lag behind it."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "read_model_behind", "The read model is behind the journal; retry in a second", retry_after=1
        )


class AppliedButNotVisible(CiftError):
    """503 `read_model_behind` for a change: it is applied and durable, but cannot be shown yet. Unlike other
    503s it has no Retry-After: a retry without an idempotency key may apply the change twice."""

    status = 503

    def __init__(self, id: str | None) -> None:
        super().__init__(
            "read_model_behind",
            "The change is applied and durable, but cannot be shown yet. Read it in a moment, or send it"
            " again with the same Idempotency-Key",
            id=id,
        )


class Expected(Exception):
    """Raised by a projector whose offset requires another record next: deliver again from `sequence`."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"expected record {sequence}")
        self.sequence = sequence


class Poison(Exception):
    """A message that fails on every retry; the text is one sentence. For a handler of effects the message
    moves to the stream DLQ; a projector of the journal stops at it and logs an error."""
