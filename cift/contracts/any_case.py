"""Words of a `Literal` that a request may write in upper or lower case."""

import typing
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


@dataclass(frozen=True, slots=True)
class AnyCase:
    """Marks a type, in its `Annotated`: the text is turned to lower case before it is compared with `words`.

    A part of pydantic's schema rather than a validator in Python, which every order would pay for.
    """

    words: Any

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.chain_schema([core_schema.str_schema(to_lower=True), handler(source)])

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        words = list(typing.get_args(self.words))
        return {"type": "string", "enum": words, "description": "In lower or upper case."}
