"""List dead letters, oldest first: events that a function rejected permanently."""

from typing import Annotated

from pydantic import Field

from cift.admin import dead_letters as views
from cift.contracts.admin import DeadLetterView
from cift.contracts.keyset import cut, number
from cift.contracts.paging import Page, PageRequest
from cift.function import http
from cift.platform import dead_letters
from cift.platform.nats import Nats
from cift.platform.settings import Settings


@http("GET", "/api/v1/admin/dead-letters", scope="admin")
async def list_dead_letters(
    page: PageRequest,
    nats: Nats,
    settings: Settings,
    function: Annotated[str | None, Field(pattern=views.FUNCTION_PATTERN)] = None,
) -> Page[DeadLetterView]:
    found = await dead_letters.page(nats, settings.shard, function, number(page) or 0, page.limit + 1)
    return cut(found, page.limit, views.dead_letter_view, lambda kept: str(kept.id))
