"""Every refusal and failure that a caller is told, in our own words.

Rooms and platform raise these; `cift.host` alone translates them to HTTP. `status` is the HTTP
status that fits, kept here so that the translation is one line and cannot disagree with itself.
"""


class CiftError(Exception):
    """What a caller is told: a code for programs, a message for people, the field where one is meant."""

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
        """Seconds after which trying again makes sense."""
        self.id = id
        """What to look the outcome up by (`outcome_unknown`)."""
        if status is not None:
            self.status = status

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.status} {self.code}: {self.message})"


class Refused(CiftError):
    """A definite no: nothing happened. 422 unless said otherwise."""

    status = 422


class Unauthenticated(CiftError):
    """401: no credential, or none that is valid."""

    status = 401


class Forbidden(CiftError):
    """403: known, but not allowed."""

    status = 403


class NotFound(CiftError):
    """404; also for what belongs to somebody else, so that nobody learns what exists."""

    status = 404

    def __init__(self, code: str = "not_found", message: str = "Not found", field: str | None = None) -> None:
        super().__init__(code, message, field)


class Conflict(CiftError):
    """409: at odds with what is there already."""

    status = 409


class RateLimited(CiftError):
    """429, with the seconds to wait."""

    status = 429

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__("rate_limited", message, retry_after=retry_after)


class Unavailable(CiftError):
    """503: nothing happened, and trying again is safe."""

    status = 503

    def __init__(self, code: str, message: str, retry_after: int = 1) -> None:
        super().__init__(code, message, retry_after=retry_after)


class OutcomeUnknown(CiftError):
    """503 `outcome_unknown`: it may or may not have happened. Look it up by `id`; never 504, on which
    clients send again."""

    status = 503

    def __init__(self, id: str | None) -> None:
        super().__init__(
            "outcome_unknown",
            "Whether this was carried out is not known yet; look it up by its id, or send it again with the"
            " same client_order_id or Idempotency-Key",
            id=id,
        )


class ReadModelBehind(CiftError):
    """503 `read_model_behind`: what you did is durable, but the tables that you read lag behind it."""

    status = 503

    def __init__(self) -> None:
        super().__init__(
            "read_model_behind", "The read model is catching up with the journal; try again", retry_after=1
        )


class DoneUnseen(CiftError):
    """503 `read_model_behind` to a change: it is done and durable, but cannot be shown yet. Unlike other 503s
    it bears no Retry-After: who sends it again without a key may have it done twice."""

    status = 503

    def __init__(self, id: str | None) -> None:
        super().__init__(
            "read_model_behind",
            "It is done and durable, but cannot be shown yet: read it in a moment, or send it again with the"
            " same Idempotency-Key",
            id=id,
        )


class Expected(Exception):
    """Raised by a projector whose offset says that another record must come first: go back to it."""

    def __init__(self, sequence: int) -> None:
        super().__init__(f"expected record {sequence}")
        self.sequence = sequence


class Poison(Exception):
    """A message that no retry will ever make good; one sentence. A handler of effects is rid of it (it goes
    to the stream DLQ); a projector of the journal stops at it, and says so."""
