"""What a client of a stream may say, and how much of it. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import ormsgpack

from cift.kernel.errors import NotFound, Refused

PUBLIC = ("quotes", "trades", "bars", "book")
OWN = ("orders", "fills")
"""Of the account that logged in; the scope `read`."""
CHANNELS = PUBLIC + OWN
CHANNELS_DEFAULT = ("quotes", "trades")
FORMATS = ("json", "msgpack")

MESSAGE_BYTES_MAX = 8 * 1024
"""Of one message from a client. (Eight times as much ends the connection.)"""
SYMBOLS_PER_MESSAGE_MAX = 100
NAMED_MAX = 32
"""Characters of an unknown symbol that a response repeats."""
SUBSCRIPTIONS_MAX = 1_000
"""Pairs of channel and symbol on one connection."""
MESSAGES_PER_S = 20
MESSAGES_BURST = 60
"""Messages of a client; beyond these it is cut off, `rate_limited`."""
USER_CONNECTIONS_MAX = 100
ANSWERS_MAX = 10_000
"""Server-Sent Events of a process; sockets have their own bound (`function.SOCKETS_MAX`)."""
SUBSCRIBE_TIMEOUT_S = 120.0
"""A long replay to a slow reader takes so long; one that stands still ends earlier (`reader.py`)."""

_SYMBOL = re.compile(r"[A-Za-z0-9./-]{1,16}", re.ASCII)
_ID = re.compile(r"(\d{1,19}):(\d{1,9})", re.ASCII)

Id = tuple[int, int]
"""Journal record, index in it: the order of everything that is published."""


class Topic(NamedTuple):
    """What is listened to: a channel of a symbol, or of an account."""

    channel: str
    of: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A message of a client, checked in its form."""

    action: str
    channels: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    since: Id | None = None
    token: str | None = None
    api_key: str | None = None


_FIELDS = {
    "auth": {"action", "token", "api_key"},
    "subscribe": {"action", "channels", "symbols", "since"},
    "unsubscribe": {"action", "channels", "symbols"},
    "ping": {"action"},
}


def _invalid(message: str, field: str | None = None, code: str = "invalid_message") -> Refused:
    return Refused(code, message, field, status=400)


def read(message: str | bytes) -> Asked:
    """A client's message: JSON as text, MessagePack as binary.

    Raises:
        Refused: `message_too_large`, `invalid_json`, `invalid_msgpack`, `invalid_message`,
            `unknown_action`, `unknown_channel`, `too_many_symbols`, `invalid_since`.
    """
    if len(message) > MESSAGE_BYTES_MAX:
        raise Refused("message_too_large", f"A message has at most {MESSAGE_BYTES_MAX} bytes", status=413)
    try:
        said = orjson.loads(message) if isinstance(message, str) else ormsgpack.unpackb(message)
    except ValueError as error:
        form = "json" if isinstance(message, str) else "msgpack"
        name = "JSON" if form == "json" else "MessagePack"
        raise _invalid(f"The message is not {name}: {error}", code=f"invalid_{form}") from None
    if not isinstance(said, dict):
        raise _invalid("A message is an object with an action")
    action = said.get("action")
    if not isinstance(action, str) or action not in _FIELDS:
        raise _invalid(f"action must be one of {', '.join(_FIELDS)}", "action", "unknown_action")
    for name in said:
        if name not in _FIELDS[action]:
            raise _invalid("Unknown field", str(name)[:64])
    match action:
        case "auth":
            return _auth(said)
        case "ping":
            return Asked(action)
    return Asked(
        action,
        channels_of(said.get("channels", CHANNELS_DEFAULT)),
        symbols_of(said.get("symbols", ())),
        since_of(said.get("since")),
    )


def _auth(said: Mapping[str, Any]) -> Asked:
    token, api_key = said.get("token"), said.get("api_key")
    for name, value in (("token", token), ("api_key", api_key)):
        if value is not None and not isinstance(value, str):
            raise _invalid("Must be a text", name)
    if (token is None) == (api_key is None):
        raise _invalid("Send a token or an api_key", "token")
    return Asked("auth", token=token, api_key=api_key)


def channels_of(given: Any) -> tuple[str, ...]:
    """Channels, each once. Raises Refused."""
    if not isinstance(given, list | tuple) or not given or not all(isinstance(each, str) for each in given):
        raise _invalid(f"channels must be a list of {', '.join(CHANNELS)}", "channels")
    for each in given:
        if each not in CHANNELS:
            known = ", ".join(CHANNELS)
            raise _invalid(
                f"There is no channel '{each[:32]}'; there are {known}", "channels", "unknown_channel"
            )
    return tuple(dict.fromkeys(given))


def symbols_of(given: Any) -> tuple[str, ...]:
    """Symbols in upper case, each once. Not checked: `is_symbol`. Raises Refused."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        raise _invalid("symbols must be a list of symbols", "symbols")
    if len(given) > SYMBOLS_PER_MESSAGE_MAX:
        most = SYMBOLS_PER_MESSAGE_MAX
        raise _invalid(f"At most {most} symbols in one message", "symbols", "too_many_symbols")
    return tuple(dict.fromkeys(each.upper() for each in given))


def is_symbol(text: str) -> bool:
    """Whether an instrument can have this name."""
    return _SYMBOL.fullmatch(text) is not None


def since_of(given: Any) -> Id | None:
    """An id as a client gives it back, `12:3`. Raises Refused: `invalid_since`."""
    if given is None:
        return None
    found = _ID.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise _invalid("since must be the id of a message, such as '12:3'", "since", "invalid_since")
    return int(found[1]), int(found[2])


def text_of(id: Id) -> str:
    """An id as clients see it."""
    return f"{id[0]}:{id[1]}"


def topics_of(asked: Asked, account: str | None, known: Iterable[str]) -> tuple[list[Topic], list[str]]:
    """The topics of a request, and its symbols that are not traded here.

    `account`: of the login, None without one; `known`: the symbols of all instruments.

    Raises:
        Refused: `invalid_message`: a public channel without symbols, or nothing but symbols.
        NotFound: `unknown_symbol`: there are symbols, and none of them is traded here.
    """
    public = [channel for channel in asked.channels if channel in PUBLIC]
    own = [channel for channel in asked.channels if channel in OWN]
    if public and not asked.symbols:
        raise _invalid(f"Which symbols? {public[0]} are of a symbol", "symbols")
    if asked.symbols and not public:
        raise _invalid(f"{own[0]} are of your account, not of symbols", "symbols")
    traded = set(known)
    symbols = [symbol for symbol in asked.symbols if symbol in traded]
    unknown = [symbol[:NAMED_MAX] for symbol in asked.symbols if symbol not in traded]
    if unknown and not symbols:
        raise NotFound("unknown_symbol", f"There is no instrument '{unknown[0]}'", "symbols")
    assert account is not None or not own, "checked before"
    topics = [Topic(channel, symbol) for symbol in symbols for channel in public]
    return topics + [Topic(channel, account or "") for channel in own], unknown


def check_count(topics: int) -> None:
    """Raises Refused: `too_many_subscriptions`."""
    if topics > SUBSCRIPTIONS_MAX:
        raise Refused(
            "too_many_subscriptions",
            f"A connection has at most {SUBSCRIPTIONS_MAX} subscriptions (channel and symbol)",
            status=400,
        )


def listing(topics: Iterable[Topic]) -> dict[str, list[str]]:
    """Subscriptions as a client is told them: symbols by channel; own channels have none."""
    told: dict[str, list[str]] = {}
    for topic in sorted(topics):
        symbols = told.setdefault(topic.channel, [])
        if topic.channel in PUBLIC:
            symbols.append(topic.of)
    return told
