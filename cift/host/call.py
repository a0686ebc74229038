"""An HTTP function's parameters and its response, compiled once from its signature.

No request uses reflection: stores are bound once, the parameters of path, query and headers are one pydantic
model, and the body is another, parsed from bytes.
"""

import inspect
import typing
from collections.abc import Callable
from dataclasses import dataclass
from types import NoneType
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError, create_model
from starlette.responses import Response

from cift.contracts.headers import FromHeader
from cift.contracts.paging import PageRequest
from cift.function import Function
from cift.host.provide import CALLER, PAGE_REQUEST, TRADER, parameters
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
    """The first error of pydantic in our form: `invalid_json`, or `invalid_request` with the field."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] == "json_invalid":
        return Refused(
            "invalid_json", f"The body is not JSON: {first['msg'].removeprefix('Invalid JSON: ')}", status=400
        )
    # Branches of unions (`str`, `int`, `function-…`) are pydantic's names, not the caller's.
    field = ".".join(str(part) for part in first["loc"] if isinstance(part, int) or part.isidentifier())
    for branch in (".str", ".int", ".float"):
        field = field.removesuffix(branch)
    message = MESSAGES.get(first["type"], first["msg"].removeprefix("Value error, "))
    return Refused("invalid_request", message, field or None)


@dataclass(slots=True)
class ParsedRequest:
    """The parts of a request from which a function's arguments are built."""

    path: dict[str, str]
    query: bytes
    headers: dict[bytes, bytes]
    body: bytes
    trader: Trader | None
    caller: Caller


def header_of(annotation: Any) -> FromHeader | None:
    """The header that a parameter comes from; None if it comes from path or query."""
    if typing.get_origin(annotation) is typing.Annotated:
        for extra in typing.get_args(annotation)[1:]:
            if isinstance(extra, FromHeader):
                return extra
    return None


def described(returns: Any) -> Any:
    """What the body of a response contains. A function that builds its response itself, for a cookie, returns
    `Annotated[Response, Model]`; for others it is their return type."""
    if typing.get_origin(returns) is typing.Annotated:
        bare, *extras = typing.get_args(returns)
        if isinstance(bare, type) and issubclass(bare, Response):
            return extras[0]
    return returns


class Call:
    """One function, ready to be called."""

    def __init__(self, function: Function, platform: Platform) -> None:
        self.function = function
        self._platform = platform
        self._function = function.call
        self.returns = described(typing.get_type_hints(function.call, include_extras=True).get("return"))
        self._getters: dict[str, Callable[[Platform], Any]] = {}
        self.trader_name: str | None = None
        self._caller_name: str | None = None
        self._page_name: str | None = None
        self._body_name: str | None = None
        self._body_optional = False
        self.parameters: dict[str, inspect.Parameter] = {}
        """The parameters that a caller sends, for the OpenAPI document."""
        fields: dict[str, Any] = {}
        self._headers: dict[str, bytes] = {}
        self._ignores_unknown = function.form == "alpaca"
        self._keys: set[str] = set()
        for each in parameters(function):
            if each.provided is not None and each.provided.get is not None:
                self._getters[each.name] = each.provided.get
            elif each.type_name == TRADER:
                self.trader_name = each.name
            elif each.type_name == CALLER:
                self._caller_name = each.name
            elif each.type_name == PAGE_REQUEST:
                self._page_name = each.name
                for field_name, field in PageRequest.model_fields.items():
                    fields[field_name] = (field.annotation, field)
                    self._keys.add(field_name)
            elif each.body is not None:
                self._body_name, self._body_type, self._body_optional = each.name, each.body, each.optional
                self.parameters[each.name] = each.parameter.replace(annotation=each.annotation)
            else:
                default = each.parameter.default
                fields[each.name] = (each.annotation, ... if default is inspect.Parameter.empty else default)
                self.parameters[each.name] = each.parameter.replace(annotation=each.annotation)
                header = header_of(each.annotation)
                if header is not None:
                    self._headers[each.name] = header.name.lower().encode()
                else:
                    self._keys.add(each.name)
        self._fields = tuple(fields)
        self._model: type[BaseModel] | None = None
        if fields:
            self._model = create_model(
                f"{function.call.__name__}_parameters", __config__=ConfigDict(extra="forbid"), **fields
            )
        self._stores: dict[str, Any] | None = None
        self._serialize: Callable[[Any], bytes] | None = None
        if self.returns not in (None, NoneType) and not (
            isinstance(self.returns, type) and issubclass(self.returns, Response)
        ):
            adapter: TypeAdapter[Any] = TypeAdapter(self.returns)
            self._serialize = lambda value: adapter.dump_json(value, by_alias=True)

    @property
    def wants_body(self) -> bool:
        return self._body_name is not None

    @property
    def has_page(self) -> bool:
        return self._page_name is not None

    async def __call__(self, request: ParsedRequest) -> Any:
        """Parse the parameters, call the function and return its value.

        Raises:
            CiftError: the function's refusals, and `invalid_json`, `invalid_request`.
        """
        stores = self._stores
        if stores is None:
            stores = self._stores = {name: get(self._platform) for name, get in self._getters.items()}
        arguments: dict[str, Any] = dict(stores)
        if self.trader_name is not None:
            arguments[self.trader_name] = request.trader
        if self._caller_name is not None:
            arguments[self._caller_name] = request.caller
        if self._model is not None:
            self._parse_parameters(request, arguments)
        elif request.query and not self._ignores_unknown:
            unknown = parse_qsl(request.query.decode("latin-1"), keep_blank_values=True, max_num_fields=None)
            if unknown:
                raise Refused("invalid_request", "Unknown parameter", unknown[0][0][:64])
        if self._body_name is not None:
            if self._body_optional and request.body.strip() in (b"", b"null"):
                arguments[self._body_name] = None
            else:
                try:
                    arguments[self._body_name] = parse_body(self._body_type, request.body)
                except ValidationError as error:
                    raise invalid(error) from None
        return await self._function(**arguments)

    def _parse_parameters(self, request: ParsedRequest, arguments: dict[str, Any]) -> None:
        texts: dict[str, Any] = dict(request.path)
        if request.query:
            if len(request.query) > QUERY_BYTES_MAX:
                raise Refused("invalid_request", f"The query is longer than {QUERY_BYTES_MAX} bytes")
            for name, value in parse_qsl(request.query.decode("latin-1"), keep_blank_values=True):
                if self._ignores_unknown and (name not in self._keys or name in request.path or not value):
                    continue
                if name in texts:
                    raise Refused("invalid_request", "This parameter occurs twice", name[:64])
                if name not in self._keys:
                    raise Refused("invalid_request", "Unknown parameter", name[:64])
                if "\x00" in value:
                    raise Refused("invalid_request", "Must not contain NUL", name)
                texts[name] = value
        for key, header in self._headers.items():
            header_value = request.headers.get(header)
            if header_value is not None:
                texts[key] = header_value.decode("latin-1")
        assert self._model is not None
        try:
            values = self._model.model_validate(texts)
        except ValidationError as error:
            raise invalid(error) from None
        if self._page_name is not None:
            arguments[self._page_name] = PageRequest(limit=values.limit, cursor=values.cursor)  # type: ignore[attr-defined]
            page_fields = PageRequest.model_fields
            arguments.update((n, getattr(values, n)) for n in self._fields if n not in page_fields)
        else:
            arguments.update(values.__dict__)

    def body(self, value: Any) -> bytes:
        """The JSON of the function's return value."""
        if isinstance(value, BaseModel):
            return type(value).__pydantic_serializer__.to_json(value, by_alias=True)
        if self._serialize is not None:
            return self._serialize(value)
        return orjson.dumps(value)


def split_path(scope: dict[str, Any]) -> list[str]:
    """The segments of the request's path; an encoded slash stays inside its segment."""
    raw: bytes = scope.get("raw_path") or b""
    if b"%" in raw:
        return [unquote(part) for part in raw.decode("latin-1").split("/")]
    path: str = scope["path"]
    return path.split("/")
