"""The generated half of the Python client: clients/python/cift_client/{models,operations}_gen.py.

models_gen.py has a pydantic model for each schema of the OpenAPI and AsyncAPI documents that the client uses;
operations_gen.py has a method for each HTTP operation, once for the synchronous and once for the asynchronous
client. Left out are Alpaca's API, which has clients of its own, sessions of browsers, and the event stream.

A kept generator (datamodel-code-generator) writes models only, and knows neither exact amounts nor words that
a later exchange may add; so both files come from here.
"""

import json
import keyword
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from typing import Any

Schema = dict[str, Any]
MODELS = "clients/python/cift_client/models_gen.py"
OPERATIONS = "clients/python/cift_client/operations_gen.py"
HEADER = "# Written by `make generate` from functions/{openapi,asyncapi}.gen.json. Do not edit.\n"
KEY = "idempotency-key"
_REF = "#/components/schemas/"
_LEFT_OUT = re.compile(
    r"^/(v\d|v1beta\d|alpaca|\.well-known|metrics|ready)|/auth/browser/|/market-data/stream$"
)
_TIMES = {"start", "end"}
"""Query parameters that are times; query strings have no format."""


def files(openapi: str, asyncapi: str) -> dict[str, str]:
    """Path and text of both files, from the text of both documents."""
    http, streams = json.loads(openapi), json.loads(asyncapi)
    operations = [
        Operation(path, method.upper(), each)
        for path, methods in http["paths"].items()
        if not _LEFT_OUT.search(path)
        for method, each in methods.items()
    ]
    schemas = {**streams["components"]["schemas"], **http["components"]["schemas"]}
    messages = _messages(streams)
    wanted = {"ErrorView", *messages.values()}
    for operation in operations:
        if operation.body_schema:  # its fields are parameters of the method
            wanted |= set(_references(schemas[operation.body_schema]))
        wanted |= set(_references(operation.raw["responses"]))
    return {
        MODELS: _formatted(MODELS, _models(schemas, wanted, messages)),
        OPERATIONS: _formatted(OPERATIONS, _operations(operations, schemas)),
    }


def _messages(streams: Schema) -> dict[str, str]:
    """The schema of each `type` that the WebSocket sends."""
    found = {}
    for reference in streams["channels"]["socket"]["messages"].values():
        name = reference["$ref"].rsplit("/", 1)[1]
        kind = streams["components"]["schemas"][name]["properties"].get("type")
        if kind is not None:
            found[kind["const"]] = name
    return found


def _formatted(path: str, text: str) -> str:
    ruff = [sys.executable, "-m", "ruff"]
    for command in (["check", "--quiet", "--fix-only", "--select", "I,F401"], ["format", "--quiet"]):
        done = subprocess.run(
            [*ruff, *command, "--stdin-filename", path, "-"],
            input=text, capture_output=True, text=True, check=True,
        )  # fmt: skip
        text = done.stdout
    return text


def _references(value: Any) -> Iterator[str]:
    """The names of the schemas that a part of a document refers to."""
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"].rsplit("/", 1)[1]
        for each in value.values():
            yield from _references(each)
    elif isinstance(value, list):
        for each in value:
            yield from _references(each)


def class_name(schema: str) -> str:
    """`Page_OrderView_` is `OrderViewPage`; a name with its module is the name alone."""
    page = re.fullmatch(r"Page_(\w+)_", schema)
    return f"{page[1]}Page" if page else schema.rsplit("__", 1)[-1]


def _doc(text: str, indent: str) -> str:
    text = text.strip().replace("\\", "\\\\").replace('"""', "'''")
    width = 100 - len(indent)
    paragraphs = [
        part if re.search(r"^\s*[-|*]", part, re.MULTILINE) else textwrap.fill(" ".join(part.split()), width)
        for part in text.split("\n\n")
    ]
    lines = "\n\n".join(paragraphs).splitlines()
    if len(lines) == 1:
        return f'{indent}"""{lines[0]}"""\n'
    return f'{indent}"""' + f"\n{indent}".join(lines).replace(f"\n{indent}\n", "\n\n") + f'\n{indent}"""\n'


def type_of(schema: Schema, *, given: bool = False) -> str:
    """The Python type of a schema. `given`: of what callers pass, who may write an amount as 10 or "10"."""
    if "$ref" in schema:
        return class_name(schema["$ref"].removeprefix(_REF))
    if "const" in schema:
        return f"Literal[{json.dumps(schema['const'])}]"
    if "enum" in schema:
        literal = f"Literal[{', '.join(json.dumps(each) for each in schema['enum'])}]"
        return literal if given else f"Annotated[{literal}, Word]"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return _union(schema[key], schema, given=given)
    match schema.get("type"):
        case "string" if schema.get("format") == "decimal":
            return "Amount" if given else "Decimal"
        case "string" if schema.get("format") == "date-time":
            return "Time" if given else "datetime"
        case "string":
            return "str"
        case "integer":
            return "int"
        case "number":
            return "float"
        case "boolean":
            return "bool"
        case "null":
            return "None"
        case "array" if isinstance(schema.get("items"), list):
            return f"tuple[{', '.join(type_of(each, given=given) for each in schema['items'])}]"
        case "array":
            return f"list[{type_of(schema.get('items', {}), given=given)}]"
        case "object" if isinstance(schema.get("additionalProperties"), dict):
            return f"dict[str, {type_of(schema['additionalProperties'], given=given)}]"
        case "object":
            return "dict[str, Any]"
    return "Any"


def _union(alternatives: list[Schema], schema: Schema, *, given: bool) -> str:
    kinds = [each.get("type") for each in alternatives]
    if kinds == ["string", "number"]:  # an amount of a request
        return "Amount" if given else "Decimal"
    if schema.get("format") == "int64":  # in JSON a string beyond 2^53
        return "int"
    return " | ".join(dict.fromkeys(type_of(each, given=given) for each in alternatives))


def _models(schemas: dict[str, Schema], wanted: set[str], messages: dict[str, str]) -> str:
    found: dict[str, None] = {}

    def add(name: str) -> None:
        if name in found:
            return
        for inner in _references(schemas[name]):
            if inner != name:
                add(inner)
        found[name] = None

    for name in sorted(wanted):
        add(name)
    lines = [
        HEADER,
        "# ruff: noqa: RUF012, S105\n",
        '"""The bodies of requests and responses, and the messages of the streams."""\n\n',
        "from datetime import datetime\nfrom decimal import Decimal\n",
        "from typing import Annotated, Any, Literal\n\n",
        "from cift_client.model import Amount, Model, Time, Word\n\n",
    ]
    lines += [_model(name, schemas[name]) for name in found]
    names = ", ".join(f'"{kind}": {class_name(name)}' for kind, name in messages.items())
    lines.append(f"\n\nMESSAGES: dict[str, type[Model]] = {{{names}}}\n")
    lines.append('"""The messages of the WebSocket by `type`."""\n')
    return "".join(lines)


def _model(name: str, schema: Schema) -> str:
    required = set(schema.get("required", ()))
    given = "Nanos" in name or _is_request(schema)
    out = f"\n\nclass {class_name(name)}(Model):\n"
    out += _doc(" ".join(schema.get("description", f"{class_name(name)}.").split()), "    ")
    properties = schema.get("properties", {})
    for field, each in sorted(properties.items(), key=lambda item: item[0] not in required):
        assert field.isidentifier() and not keyword.iskeyword(field), f"{name}.{field} is no Python name"
        kind = type_of(each, given=given)
        default = ""
        if field not in required:
            default = f" = {each['default']!r}" if each.get("default") is not None else " = None"
            if default == " = None" and "None" not in kind.split(" | "):
                kind += " | None"
        out += f"    {field}: {kind}{default}\n"
        if each.get("description"):
            out += _doc(each["description"], "    ")
    return out


def _is_request(schema: Schema) -> bool:
    """Whether a model is a part of a request: its amounts may be written in several ways."""
    text = json.dumps(schema)
    return '"type": "number", "minimum"' in text


class Operation:
    """One operation of the OpenAPI document."""

    def __init__(self, path: str, method: str, raw: Schema) -> None:
        self.path, self.method, self.raw = path, method, raw
        self.group = raw["tags"][0].replace(" ", "_")
        self.name = raw["operationId"].removeprefix(f"{self.group}_")
        self.parameters = raw.get("parameters", [])
        self.keyed = any(each["name"] == KEY for each in self.parameters)
        self.paged = any(each["name"] == "cursor" for each in self.parameters)
        body = raw.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
        references = list(_references(body)) if body else []
        self.body_schema = references[0] if references else None

    @property
    def returns(self) -> str:
        """The type of the response: a model, None, or bytes."""
        (status,) = [status for status in self.raw["responses"] if status.startswith("2")]
        if status == "204":
            return "None"
        content = self.raw["responses"][status].get("content", {})
        schema = content.get("application/json", {}).get("schema", {})
        return type_of(schema) if "$ref" in schema else "bytes"


def _operations(operations: list[Operation], schemas: dict[str, Schema]) -> str:
    groups: dict[str, list[Operation]] = {}
    for operation in operations:
        groups.setdefault(operation.group, []).append(operation)
    models = {each.returns for each in operations} - {"None", "bytes"}
    bodies: dict[str, Schema] = {
        each.body_schema: schemas[each.body_schema] for each in operations if each.body_schema
    }
    models |= {class_name(name) for body in bodies.values() for name in _references(body)}
    for each in operations:
        if each.paged:
            models.add(_item(each, schemas))
    lines = [
        HEADER,
        '"""The operations of the HTTP API, for both clients."""\n\n',
        "from collections.abc import AsyncIterator, Iterator\n",
        "from typing import Any, Literal\n\n",
        "from cift_client.calls import UNSET, Call, Unset, segment\n",
        "from cift_client.model import Amount, Time\n",
        f"from cift_client.models_gen import {', '.join(sorted(models))}\n",
        "from cift_client.transport import AsyncTransport, Transport\n",
    ]
    for waits in (False, True):
        prefix, transport = ("Async", "AsyncTransport") if waits else ("", "Transport")
        for group, own in sorted(groups.items()):
            lines.append(f"\n\nclass {prefix}{_camel(group)}:\n")
            lines.append(f'    """The operations of `{group}`."""\n\n')
            lines.append(f"    def __init__(self, transport: {transport}) -> None:\n")
            lines.append("        self._transport = transport\n\n")
            for operation in sorted(own, key=lambda each: each.name):
                lines.append(_method(operation, schemas, waits=waits))
                if operation.paged:
                    lines.append(_iterator(operation, schemas, waits=waits))
        lines.append(f"\n\nclass {prefix}Groups:\n")
        lines.append('    """All operations by group."""\n\n')
        lines.append(f"    def __init__(self, transport: {transport}) -> None:\n")
        lines += [f"        self.{group} = {prefix}{_camel(group)}(transport)\n" for group in sorted(groups)]
    return "".join(lines)


def _camel(name: str) -> str:
    return "".join(each.capitalize() for each in name.split("_"))


def _item(operation: Operation, schemas: dict[str, Schema]) -> str:
    """The type of the items of a page."""
    pages = {class_name(name): schema for name, schema in schemas.items()}
    return type_of(pages[operation.returns]["properties"]["items"]["items"])


def _arguments(operation: Operation, schemas: dict[str, Schema]) -> tuple[list[str], list[str]]:
    """The parameters of a method, and the arguments of its `Call`."""
    positional, required, optional = list[str](), list[str](), list[str]()
    query, path = list[str](), operation.path
    for each in operation.parameters:
        name = each["name"]
        if each["in"] == "path":
            positional.append(f"{name}: str")
            path = path.replace(f"{{{name}}}", f"{{segment({name})}}")
            continue
        if each["in"] == "header":
            continue
        kind = type_of(each["schema"], given=True)
        if name in _TIMES:
            kind = kind.replace("str", "Time")
        (required if each.get("required") else optional).append(
            f"{name}: {kind}"
            if each.get("required")
            else f"{name}: {kind.removesuffix(' | None')} | None = None"
        )
        query.append(f'"{name}": {name}')
    call = [f'"{operation.method}"', f'f"{path}"' if "{" in path else f'"{path}"']
    if query:
        call.append(f"query={{{', '.join(query)}}}")
    if operation.body_schema:
        own, fields = _body(operation, schemas[operation.body_schema])
        required += own[0]
        optional += own[1]
        call.append(f"body={{{', '.join(fields)}}}")
    if operation.keyed:
        optional.append("idempotency_key: str | None = None")
        call += ["keyed=True", "key=idempotency_key"]
    named = ["*", *required, *optional] if required or optional else []
    return [*positional, *named], call


def _body(operation: Operation, schema: Schema) -> tuple[tuple[list[str], list[str]], list[str]]:
    """Parameters of the fields of a body, required and optional, and the body's items."""
    choices = [set(each["required"]) for each in schema.get("anyOf", ()) if set(each) == {"required"}]
    required_names = set(schema.get("required", ())) | (choices[0] if choices else set())
    other_names = set().union(*choices[1:]) - required_names if choices else set()
    required, optional, fields = list[str](), list[str](), list[str]()
    for name, each in schema.get("properties", {}).items():
        if name in other_names:
            continue
        kind = type_of(each, given=True)
        if name in required_names:
            required.append(f"{name}: {kind}")
        elif operation.method == "PATCH":
            nullable = " | None" if "None" in kind.split(" | ") else ""
            optional.append(f"{name}: {kind.removesuffix(' | None')} | Unset{nullable} = UNSET")
        else:
            optional.append(f"{name}: {kind.removesuffix(' | None')} | None = None")
        fields.append(f'"{name}": {name}')
    return (required, optional), fields


def _text(operation: Operation) -> str:
    summary = operation.raw.get("summary", operation.name).rstrip(".") + "."
    description = operation.raw.get("description", "")
    return _doc(f"{summary}\n\n{description}" if description else summary, "        ")


def _method(operation: Operation, schemas: dict[str, Schema], *, waits: bool) -> str:
    parameters, call = _arguments(operation, schemas)
    returns = operation.returns
    reader = {"None": "nothing", "bytes": "content"}.get(returns, "model")
    arguments = f"Call({', '.join(call)})" + (f", {returns}" if reader == "model" else "")
    start, wait = ("    async def", "await ") if waits else ("    def", "")
    give = "" if returns == "None" else "return "
    return (
        f"{start} {operation.name}({', '.join(['self', *parameters])}) -> {returns}:\n"
        f"{_text(operation)}"
        f"        {give}{wait}self._transport.{reader}({arguments})\n\n"
    )


def _iterator(operation: Operation, schemas: dict[str, Schema], *, waits: bool) -> str:
    """A method that yields the items of all pages."""
    parameters, call = _arguments(operation, schemas)
    shown = [each for each in parameters if not each.startswith(("cursor:", "limit:"))]
    if shown and shown[-1] == "*":
        shown.pop()
    call = [each.replace('"limit": limit, "cursor": cursor', '"limit": None') for each in call]
    item = _item(operation, schemas)
    rest = re.sub(r"^(list|get)_", "", operation.name)
    kind, start = ("AsyncIterator", "    async def") if waits else ("Iterator", "    def")
    loop = "async for" if waits else "for"
    each = "for item in page.items:\n                yield item" if waits else "yield from page.items"
    return (
        f"{start} each_of_{rest}({', '.join(['self', *shown])}) -> {kind}[{item}]:\n"
        f'        """All items of `{operation.name}`, from as many pages as needed."""\n'
        f"        {loop} page in self._transport.pages(Call({', '.join(call)}), {operation.returns}):\n"
        f"            {each}\n\n"
    )
