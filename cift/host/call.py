"""A function's parameters and its answer, compiled once from its signature.

Per request nothing is looked up by reflection: providers are bound, parameters of path, query and
header are one pydantic model, the body is another, parsed from bytes.
"""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from starlette.responses import Response

from cift.contracts.headers import FromHeader
from cift.contracts.paging import PageRequest
from cift.function import Function
from cift.host.provide import PROVIDED, name_of, plain, provide
from cift.host.request_body import parse_body
from cift.kernel.errors import CiftError, Refused
from cift.platform.identity import Caller, Trader
from cift.platform.stores import Platform

MESSAGES = {
    "extra_forbidden": "Unknown field",
    "missing": "This field is required",
}
QUERY_BYTES_MAX = 8192


def invalid(error: ValidationError) -> CiftError:
    """The first complaint of pydantic in our form: `invalid_json` or `invalid_request` with the field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Refused(
            "invalid_json", f"The body is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}", status=400
        )
    # Branches of unions (`str`, `int`, `function-…`) are pydantic's words, not the caller's.
    field = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part.isidentifier())
    for branch in (".str", ".int", ".float"):
        field = field.removesuffix(branch)
    message = MESSAGES.get(first["type"], first["msg"].removeprefix("Value error, "))
    return Refused("invalid_request", message, field or None)


@dataclass(slots=True)
class Asked:
    """What a call is made from."""

    path: dict[str, str]
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    trader: Trader | None
    caller: Caller


def header_of(annotation: Any) -> FromHeader | None:
    """The mark of a parameter that comes in a header."""
    if typing.get_origin(annotation) is typing.Annotated:
        for extra in typing.get_args(annotation)[1:]:
            if isinstance(extra, FromHeader):
                return extra
    return None


class Call:
    """One function, ready to be called."""

    def __init__(self, function: Function, platform: Platform) -> None:
        self.function = function
        self._platform = platform
        self._function = function.call
        hints = typing.get_type_hints(function.call, include_extras=True)
        self.returns = hints.pop("return", None)
        self.provided: dict[str, type] = {}
        self.trader_name: str | None = None
        self._caller_name: str | None = None
        self._page_name: str | None = None
        self._body_name: str | None = None
        self._body_optional = False
        self.parameters: dict[str, inspect.Parameter] = {}
        """The parameters that a caller gives, for the OpenAPI."""
        fields: dict[str, Any] = {}
        self._headers: dict[str, bytes] = {}
        self._keys: dict[str, str] = {}
        for name, parameter in inspect.signature(function.call).parameters.items():
            annotation = hints.get(name)
            assert annotation is not None, f"{function.name}: the parameter {name} needs a type"
            bare, optional = plain(annotation)
            if name_of(bare) in PROVIDED:
                self.provided[name] = bare
            elif bare is Trader:
                self.trader_name = name
                assert function.scope is not None or optional, (
                    f"{function.name}: a public function has no Trader"
                )
            elif bare is Caller:
                self._caller_name = name
            elif bare is PageRequest:
                self._page_name = name
                for field_name, field in PageRequest.model_fields.items():
                    fields[field_name] = (field.annotation, field)
                    self._keys[field_name] = field_name
            elif isinstance(bare, type) and issubclass(bare, BaseModel):
                assert self._body_name is None, f"{function.name}: one body"
                self._body_name, self._body_type, self._body_optional = name, bare, optional
                self.parameters[name] = parameter.replace(annotation=annotation)
            else:
                default = ... if parameter.default is inspect.Parameter.empty else parameter.default
                fields[name] = (annotation, default)
                self.parameters[name] = parameter.replace(annotation=annotation)
                header = header_of(annotation)
                if header is not None:
                    self._headers[name] = header.name.lower().encode()
                else:
                    self._keys[name] = name
        self._fields = tuple(fields)
        self._model: type[BaseModel] | None = None
        if fields:
            self._model = create_model(
                f"{function.call.__name__}_parameters", __config__=ConfigDict(extra="forbid"), **fields
            )
        self._providers: dict[str, Any] | None = None
        self._answer: Callable[[Any], bytes] | None = None
        if self.returns not in (None, type(None)) and not (
            isinstance(self.returns, type) and issubclass(self.returns, Response)
        ):
            adapter: TypeAdapter[Any] = TypeAdapter(self.returns)
            self._answer = lambda value: adapter.dump_json(value, by_alias=True)

    @property
    def wants_body(self) -> bool:
        return self._body_name is not None

    @property
    def has_page(self) -> bool:
        return self._page_name is not None

    async def __call__(self, asked: Asked) -> Any:
        """Parse, call, return what the function returned.

        Raises:
            CiftError: the function's refusals, and `invalid_json`, `invalid_request`.
        """
        providers = self._providers
        if providers is None:
            providers = self._providers = {n: provide(self._platform, t) for n, t in self.provided.items()}
        arguments: dict[str, Any] = dict(providers)
        if self.trader_name is not None:
            arguments[self.trader_name] = asked.trader
        if self._caller_name is not None:
            arguments[self._caller_name] = asked.caller
        if self._model is not None:
            self._parse_parameters(asked, arguments)
        elif asked.query:
            name = parse_qsl(asked.query.decode("latin-1"), keep_blank_values=True, max_num_fields=None)
            if name:
                raise Refused("invalid_request", "Unknown parameter", name[0][0][:64])
        if self._body_name is not None:
            if not asked.body and self._body_optional:
                arguments[self._body_name] = None
            else:
                try:
                    arguments[self._body_name] = parse_body(self._body_type, asked.body)
                except ValidationError as error:
                    raise invalid(error) from None
        return await self._function(**arguments)

    def _parse_parameters(self, asked: Asked, arguments: dict[str, Any]) -> None:
        given: dict[str, Any] = dict(asked.path)
        if asked.query:
            if len(asked.query) > QUERY_BYTES_MAX:
                raise Refused("invalid_request", "The query is too long")
            for name, value in parse_qsl(asked.query.decode("latin-1"), keep_blank_values=True):
                if name in given:
                    raise Refused("invalid_request", "Given twice", name[:64])
                if name not in self._keys:
                    raise Refused("invalid_request", "Unknown parameter", name[:64])
                if "\x00" in value:
                    raise Refused("invalid_request", "Must not contain NUL", name)
                given[name] = value
        for key, header in self._headers.items():
            header_value = asked.headers.get(header)
            if header_value is not None:
                given[key] = header_value.decode("latin-1")
        assert self._model is not None
        try:
            values = self._model.model_validate(given)
        except ValidationError as error:
            raise invalid(error) from None
        if self._page_name is not None:
            arguments[self._page_name] = PageRequest(limit=values.limit, cursor=values.cursor)  # type: ignore[attr-defined]
            page_fields = PageRequest.model_fields
            arguments.update((n, getattr(values, n)) for n in self._fields if n not in page_fields)
        else:
            arguments.update(values.__dict__)

    def body(self, answer: Any) -> bytes:
        """The JSON of what the function returned."""
        if isinstance(answer, BaseModel):
            return type(answer).__pydantic_serializer__.to_json(answer, by_alias=True)
        if self._answer is not None:
            return self._answer(answer)
        return orjson.dumps(answer)


def split_path(scope: dict[str, Any]) -> list[str]:
    """The segments of the request's path; an encoded slash stays inside its segment."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw:
        return [unquote(part) for part in raw.decode("latin-1").split("/")]
    path: str = scope["path"]
    return path.split("/")
