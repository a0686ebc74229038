"""What can go wrong. All errors derive from `CiftError`."""


class CiftError(Exception):
    """An error of the exchange, of the connection, or of this package's use."""


class NotReachable(CiftError):
    """No exchange answers at the address. Nothing was changed."""


class UnexpectedAnswer(CiftError):
    """The response is not one of the exchange's: another server, or a proxy, sent it."""


class ApiError(CiftError):
    """The exchange refused a request. `code` is for programs, `message` for people."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        status: int | None = None,
        field: str | None = None,
        id: str | None = None,
        request_id: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" + (f" (field {field})" if field else ""))
        self.code, self.message, self.status, self.field = code, message, status, field
        self.id = id
        """The id of the order or transfer that it is about, where there is one."""
        self.request_id, self.retry_after_s = request_id, retry_after_s


class OutcomeUnknown(ApiError):
    """The change may have been made. Look it up by `id` or, if that is None, send the same request again with
    `key` as its `idempotency_key` (or client_order_id): it is made at most once."""

    def __init__(
        self, message: str, *, key: str | None, id: str | None = None, status: int | None = None
    ) -> None:
        super().__init__("outcome_unknown", message, status=status, id=id)
        self.key = key


class Closed(CiftError):
    """The stream was closed before it was live."""
