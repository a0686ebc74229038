"""functions/asyncapi.gen.json describes the streams as an AsyncAPI 3 document, from cift/streams/messages.py.

Two channels carry the same updates: the WebSocket, over which clients also send, and Server-Sent Events.
Names of operations are those of the exchange: it `send`s updates and `receive`s requests.
"""

import re
from collections.abc import Sequence
from typing import Any

import orjson
from pydantic import TypeAdapter

from cift import __version__
from cift.function import Function
from cift.host.openapi import TITLE
from cift.streams import messages, rules, sse

SCHEMAS = "#/components/schemas/"
SOCKET, EVENTS = "socket", "events"
_DESCRIPTION = f"""\
Quotes, trades, bars and books of symbols, and the orders and fills of an account.

Amounts are decimal strings, times are RFC 3339 in UTC. Messages with an `id` are the stream: ids grow over
all channels of a connection. After a lost connection subscribe with `since`, the last id received: the
exchange first sends what was missed, once and in order, or a `gap`. A message without an id is a state.

At most {rules.MESSAGE_BYTES_MAX} bytes per client message, {rules.MESSAGES_PER_S} client messages per second
with bursts of {rules.MESSAGES_BURST}, {rules.SUBSCRIPTIONS_MAX} subscriptions per connection.
"""
_CREDENTIALS = {
    "ApiKey": {"type": "httpApiKey", "in": "header", "name": "X-API-Key"},
    "AccessToken": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
}


def document(functions: Sequence[Function]) -> str:
    """The committed document. The addresses of both channels come from the functions' declarations."""
    address = {function.name: function.path for function in functions}
    updates = [*messages.UPDATES.values(), messages.Gap, messages.Error]
    both = list(dict.fromkeys([*updates, *messages.RESPONSES.values()]))
    to_socket = [messages.Welcome, *both, messages.Heartbeat]
    to_events = [*updates, messages.UnknownSymbols]
    requests = list(messages.REQUESTS.values())
    every = list(dict.fromkeys([*to_socket, *to_events, *requests]))
    body = {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"{TITLE}: streams",
            "version": __version__,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "socket": {"host": "127.0.0.1:8000", "protocol": "ws", "security": _security()},
            "events": {"host": "127.0.0.1:8000", "protocol": "http", "security": _security()},
        },
        "channels": {
            SOCKET: _socket(address["streams.stream"], [*to_socket, *requests]),
            EVENTS: _events(address["streams.stream_events"], to_events),
        },
        "operations": _operations(to_socket, to_events),
        "components": {
            "messages": {name_of(each): _message(each) for each in every},
            "schemas": schemas(every),
            "securitySchemes": _CREDENTIALS,
        },
    }
    return orjson.dumps(body, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()


def name_of(message: Any) -> str:
    """The name of a message in the document: that of its type."""
    name: str = message.__name__
    return name


def schemas(every: Sequence[Any]) -> dict[str, Any]:
    """The schemas of these messages, and of what they refer to. No message has other fields."""
    adapters = [(name_of(each), "serialization", TypeAdapter(each)) for each in every]
    refs, found = TypeAdapter.json_schemas(adapters, ref_template=SCHEMAS + "{model}")  # type: ignore[arg-type]
    defined: dict[str, Any] = dict(found.get("$defs", {}))
    for (name, _), schema in refs.items():
        if schema.get("$ref") != f"{SCHEMAS}{name}":
            defined[str(name)] = schema
    for each in every:
        defined[name_of(each)]["additionalProperties"] = False
    return defined


def _security() -> list[dict[str, str]]:
    return [{"$ref": f"#/components/securitySchemes/{name}"} for name in _CREDENTIALS]


def _message(message: Any) -> dict[str, Any]:
    name = name_of(message)
    doc = " ".join((message.__doc__ or "").split())
    return {
        "name": name,
        "title": re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name),
        "summary": doc,
        "payload": {"$ref": SCHEMAS + name},
    }


def _messages(every: Sequence[Any]) -> dict[str, Any]:
    return {name_of(each): {"$ref": f"#/components/messages/{name_of(each)}"} for each in every}


def _socket(address: str, every: Sequence[Any]) -> dict[str, Any]:
    formats = {"type": "string", "enum": list(rules.FORMATS), "default": "json"}
    return {
        "address": address,
        "title": "WebSocket",
        "description": "Text messages are JSON, binary ones MessagePack.",
        "servers": [{"$ref": "#/servers/socket"}],
        "messages": _messages(every),
        "bindings": {"ws": {"method": "GET", "query": {"type": "object", "properties": {"format": formats}}}},
    }


def _events(address: str, every: Sequence[Any]) -> dict[str, Any]:
    return {
        "address": address,
        "title": "Server-Sent Events",
        "description": "The same updates as `text/event-stream`: `event` is the message's type, `id` its id."
        f" The response ends after {sse.DURATION_S:g} s; one with `Last-Event-ID` continues without a gap.",
        "servers": [{"$ref": "#/servers/events"}],
        "messages": _messages(every),
    }


def _operations(to_socket: Sequence[Any], to_events: Sequence[Any]) -> dict[str, Any]:
    pushed = [each for each in to_socket if each not in messages.RESPONSES.values()]
    query = {
        "type": "object",
        "properties": {
            "symbols": {"type": "string", "description": "Separated by commas."},
            "channels": {"type": "string", "description": "Separated by commas; default: quotes,trades."},
            "since": {"type": "string", "description": "Id of the last event that you received."},
        },
    }
    operations: dict[str, Any] = {
        "sendUpdates": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{SOCKET}"},
            "messages": [_in_channel(SOCKET, each) for each in pushed],
        },
        "sendEvents": {
            "action": "send",
            "channel": {"$ref": f"#/channels/{EVENTS}"},
            "messages": [_in_channel(EVENTS, each) for each in to_events],
            "bindings": {"http": {"method": "GET", "query": query}},
        },
    }
    for action, request in messages.REQUESTS.items():
        operations[action] = {
            "action": "receive",
            "channel": {"$ref": f"#/channels/{SOCKET}"},
            "messages": [_in_channel(SOCKET, request)],
            "reply": {
                "channel": {"$ref": f"#/channels/{SOCKET}"},
                "messages": [
                    _in_channel(SOCKET, messages.RESPONSES[action]),
                    _in_channel(SOCKET, messages.Error),
                ],
            },
        }
    return operations


def _in_channel(channel: str, message: Any) -> dict[str, str]:
    return {"$ref": f"#/channels/{channel}/messages/{name_of(message)}"}
