"""Pages of lists: `limit` and an opaque `cursor`. The newest item is first, unless a list documents another
order."""

import base64
import binascii
from typing import Annotated, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from cift.kernel.errors import Refused

PAGE_LIMIT_DEFAULT = 50
PAGE_LIMIT_MAX = 500

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """One page of a list. `next_cursor` is null on the last one."""

    model_config = ConfigDict(extra="forbid")

    items: list[T]
    next_cursor: str | None = None


class PageRequest(BaseModel):
    """The query parameters of a list: the type of a function's parameter."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: Annotated[int, Field(ge=1, le=PAGE_LIMIT_MAX, description="How many items.")] = PAGE_LIMIT_DEFAULT
    cursor: Annotated[str | None, Field(max_length=200, description="next_cursor of the previous page.")] = (
        None
    )

    def after(self) -> str | None:
        """The last key of the previous page, or None on the first page.

        Raises:
            Refused: `invalid_cursor`.
        """
        if self.cursor is None:
            return None
        try:
            padded = self.cursor + "=" * (-len(self.cursor) % 4)
            key = base64.b64decode(padded, b"-_", validate=True).decode("ascii")
            if not key.isprintable():
                raise ValueError("not a key of an item")
        except (binascii.Error, ValueError):
            raise invalid_cursor() from None
        return key


def invalid_cursor() -> Refused:
    """The refusal of a cursor."""
    return Refused("invalid_cursor", "Invalid cursor, or a cursor from another list", "cursor")


def make_cursor(key: str) -> str:
    """The cursor of the page that follows the item with this key (printable ASCII: an id, a sequence, …)."""
    return base64.urlsafe_b64encode(key.encode("ascii")).rstrip(b"=").decode("ascii")
