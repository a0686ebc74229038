"""Whether a request is sent again, and what its outcome is. Pure.

| what happened | a read, or a change with a key | a change without a key |
|---|---|---|
| no connection | again | again: nothing was sent |
| connection lost, no response in time | again, with the same key | `OutcomeUnknown` |
| 503 `outcome_unknown` | again, with the same key | `OutcomeUnknown` |
| 503 `read_model_behind` without `Retry-After`: applied | again, with the same key | `OutcomeUnknown` |
| 503 of any other code; 429 | again after `Retry-After` | again after `Retry-After`: nothing happened |
| any other error of the API | raised | raised |
| 5xx that is not the API's | again, with the same key | `OutcomeUnknown` |

Once a try of a change may have been applied, only a response about the change itself settles it. An error
that comes from before the engine (401, 403, 408, 429, 503, no connection), or from another server than the
exchange, does not: the outcome stays unknown.
"""

import random
from dataclasses import dataclass
from typing import Any

import httpx

from cift_client.calls import Prepared
from cift_client.errors import ApiError, CiftError, NotReachable, OutcomeUnknown, UnexpectedAnswer

BACKOFF_S = 0.1
BACKOFF_MAX_S = 5.0
NOT_SETTLING = (401, 403, 408, 429, 503)


@dataclass(frozen=True)
class Policy:
    """How often a request is sent at most, and the longest `Retry-After` that is waited for."""

    tries: int = 5
    retry_after_max_s: float = 30.0


class Attempts:
    """The tries of one request."""

    def __init__(self, request: Prepared, policy: Policy, url: str) -> None:
        self._request, self._policy, self._url = request, policy, url
        self._count = 0
        self._unknown: OutcomeUnknown | None = None
        """A try may have been applied."""

    @property
    def _repeatable(self) -> bool:
        return not self._request.changes or self._request.key is not None

    def failed(self, error: httpx.TransportError) -> float:
        """Seconds until the next try, after one without a response.

        Raises:
            NotReachable: nothing was changed.
            OutcomeUnknown: a change was sent, and must not be sent again or was sent often enough.
        """
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout):
            return self._again(NotReachable(f"no exchange answers at {self._url} ({error!r})"))
        if self._request.changes:
            self._note(f"the connection to {self._url} was lost before the response ({error!r})")
            return self._again(None)
        return self._again(NotReachable(f"{self._url} gave no response ({error!r})"))

    def answered(self, response: httpx.Response) -> float | None:
        """None if the response is a success; else seconds until the next try.

        Raises:
            ApiError: the exchange refused the request.
            OutcomeUnknown: see the module.
            UnexpectedAnswer: the response is not the exchange's.
        """
        if response.is_success:
            return None
        error = error_of(response, self._request.key)
        status, foreign = response.status_code, isinstance(error, UnexpectedAnswer)
        behind = isinstance(error, ApiError) and error.code == "read_model_behind"
        applied = behind and "Retry-After" not in response.headers
        if isinstance(error, OutcomeUnknown) or (
            self._request.changes and (applied or (foreign and status >= 500))
        ):
            self._note(str(error), getattr(error, "id", None), status)
            return self._again(None, response)
        if status in (429, 503) or (foreign and status >= 500):
            return self._again(error, response)
        if self._unknown is not None and (foreign or status in NOT_SETTLING):
            raise self._unknown
        raise error

    def _note(self, message: str, id: str | None = None, status: int | None = None) -> None:
        id = id or (self._unknown.id if self._unknown else None)
        self._unknown = OutcomeUnknown(message, key=self._request.key, id=id, status=status)

    def _again(self, error: CiftError | None, response: httpx.Response | None = None) -> float:
        self._count += 1
        final = self._unknown or error
        assert final is not None
        repeatable = self._repeatable or self._unknown is None
        wait_s: float = min(BACKOFF_MAX_S, BACKOFF_S * 2**self._count) * random.uniform(0.5, 1.0)  # noqa: S311
        if response is not None:
            wait_s = max(wait_s, retry_after_s(response) or 0.0)
        if self._count >= self._policy.tries or not repeatable or wait_s > self._policy.retry_after_max_s:
            raise final
        return wait_s


def retry_after_s(response: httpx.Response) -> float | None:
    """The seconds of the header `Retry-After`; None: absent, or a date."""
    text: str = response.headers.get("Retry-After", "")
    return float(text) if text.replace(".", "", 1).isdigit() else None


def error_of(response: httpx.Response, key: str | None = None) -> CiftError:
    """The error that a response reports."""
    try:
        body: Any = response.json()
        code, message = str(body["code"]), str(body["message"])
    except (ValueError, TypeError, KeyError):
        where = f"{response.request.method} {response.request.url}"
        return UnexpectedAnswer(f"HTTP {response.status_code} of {where} is not a response of the exchange")
    if code == "outcome_unknown":
        return OutcomeUnknown(message, key=key, id=body.get("id"), status=response.status_code)
    return ApiError(
        code,
        message,
        status=response.status_code,
        field=body.get("field"),
        id=body.get("id"),
        request_id=body.get("request_id"),
        retry_after_s=retry_after_s(response),
    )
