"""The messages that a client of the streams can send, and their limits. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
import ormsgpack

from cift.contracts.orders import SYMBOL_PATTERN
from cift.kernel.errors import NotFound, Refused

MARKET_CHANNELS = ("quotes", "trades", "bars", "book")
ACCOUNT_CHANNELS = ("orders", "fills")
"""Of the account that is logged in; they need the scope `read`."""
CHANNELS = MARKET_CHANNELS + ACCOUNT_CHANNELS
CHANNELS_DEFAULT = ("quotes", "trades")
FORMATS = ("json", "msgpack")

MESSAGE_BYTES_MAX = 8 * 1024
"""Of one client message. A message of eight times this size ends the connection."""
SYMBOLS_PER_MESSAGE_MAX = 100
NAMED_MAX = 32
"""Characters of an unknown symbol that a response repeats."""
SUBSCRIPTIONS_MAX = 1_000
"""Pairs of channel and symbol per connection."""
MESSAGES_PER_S = 20
MESSAGES_BURST = 60
"""Client messages beyond this burst end the connection: `rate_limited`."""
USER_CONNECTIONS_MAX = 100
EVENT_STREAMS_MAX = 10_000
"""Server-Sent Events connections per process; sockets have their own limit (`function.SOCKETS_MAX`)."""
REPLY_TO_CHARACTERS_MAX = 64
"""Of the id of a client message, which the response repeats."""

_SYMBOL = re.compile(SYMBOL_PATTERN, re.ASCII)
_ID = re.compile(r"(\d{1,19}):(\d{1,9})", re.ASCII)

Id = tuple[int, int]
"""Command of the journal and index in it: the order of all published messages."""


class Topic(NamedTuple):
    """What a client subscribes to: a channel of a symbol, or of an account."""

    channel: str
    key: str
    """The symbol, or the account id."""


@dataclass(frozen=True, slots=True)
class Request:
    """A client message in valid form."""

    action: str
    channels: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()
    since: Id | None = None
    token: str | None = None
    api_key: str | None = None
    subscriptions: tuple[Topic, ...] | None = None
    """Pairs of channel and symbol, instead of `channels` and `symbols`. The key of an account channel is
    empty."""
    id: str | int | None = None
    """The client's id of the message; the response repeats it."""


_FIELDS = {
    "auth": {"action", "id", "token", "api_key"},
    "subscribe": {"action", "id", "channels", "symbols", "subscriptions", "since"},
    "unsubscribe": {"action", "id", "channels", "symbols", "subscriptions"},
    "ping": {"action", "id"},
}


def _invalid(message: str, field: str | None = None, code: str = "invalid_message") -> Refused:
    return Refused(code, message, field, status=400)


def parse(message: str | bytes) -> Request:
    """A client message: JSON in a text message, MessagePack in a binary one.

    Raises:
        Refused: `message_too_large`, `invalid_json`, `invalid_msgpack`, `invalid_message`,
            `unknown_action`, `unknown_channel`, `too_many_symbols`, `invalid_since`.
    """
    if len(message) > MESSAGE_BYTES_MAX:
        raise Refused("message_too_large", f"The message exceeds {MESSAGE_BYTES_MAX} bytes", status=413)
    try:
        body = orjson.loads(message) if isinstance(message, str) else ormsgpack.unpackb(message)
    except ValueError as error:
        form = "json" if isinstance(message, str) else "msgpack"
        name = "JSON" if form == "json" else "MessagePack"
        raise _invalid(f"The message is not {name}: {error}", code=f"invalid_{form}") from None
    if not isinstance(body, dict):
        raise _invalid("The message must be an object with the field action")
    action = body.get("action")
    if not isinstance(action, str) or action not in _FIELDS:
        raise _invalid(f"action must be one of {', '.join(_FIELDS)}", "action", "unknown_action")
    for name in body:
        if name not in _FIELDS[action]:
            field = str(name)[:64]
            raise _invalid(f"The action {action} has no field '{field}'", field)
    id = reply_to(body)
    match action:
        case "auth":
            return _auth(body, id)
        case "ping":
            return Request(action, id=id)
    since = parse_since(body.get("since"))
    if "subscriptions" in body:
        if "channels" in body or "symbols" in body:
            raise _invalid("Send either subscriptions, or channels and symbols", "subscriptions")
        topics = parse_subscriptions(body["subscriptions"])
        channels = tuple(dict.fromkeys(topic.channel for topic in topics))
        symbols = tuple(dict.fromkeys(topic.key for topic in topics if topic.key))
        return Request(action, channels, symbols, since, subscriptions=topics, id=id)
    return Request(
        action,
        parse_channels(body.get("channels", CHANNELS_DEFAULT)),
        parse_symbols(body.get("symbols", ())),
        since,
        id=id,
    )


def reply_to(body: Any) -> str | int | None:
    """The id that a client gave its message. Raises Refused: `invalid_message`."""
    id = body.get("id") if isinstance(body, dict) else None
    if id is None or (isinstance(id, int) and not isinstance(id, bool) and abs(id) <= 2**53):
        return id
    if not isinstance(id, str) or len(id) > REPLY_TO_CHARACTERS_MAX:
        raise _invalid(
            f"id must be a string of at most {REPLY_TO_CHARACTERS_MAX} characters, or an integer", "id"
        )
    return id


def parse_subscriptions(given: Any) -> tuple[Topic, ...]:
    """Topics as `subscribed` lists them: the symbols of each channel. Raises Refused."""
    if not isinstance(given, dict) or not given:
        raise _invalid("subscriptions must be an object with the symbols of each channel", "subscriptions")
    topics: list[Topic] = []
    for channel in parse_channels(list(given)):
        symbols = parse_symbols(given[channel])
        if (channel in MARKET_CHANNELS) != bool(symbols):
            needs = "needs symbols" if channel in MARKET_CHANNELS else "takes no symbols"
            raise _invalid(f"The channel {channel} {needs}", "subscriptions")
        topics += [Topic(channel, symbol) for symbol in symbols or ("",)]
    return tuple(topics)


def _auth(body: Mapping[str, Any], id: str | int | None) -> Request:
    token, api_key = body.get("token"), body.get("api_key")
    for name, value in (("token", token), ("api_key", api_key)):
        if value is not None and not isinstance(value, str):
            raise _invalid(f"{name} must be a string", name)
    if (token is None) == (api_key is None):
        raise _invalid("Send either token or api_key", "token")
    return Request("auth", token=token, api_key=api_key, id=id)


def parse_channels(given: Any) -> tuple[str, ...]:
    """Channels, each once. Raises Refused."""
    if not isinstance(given, list | tuple) or not given or not all(isinstance(each, str) for each in given):
        raise _invalid(f"channels must be a list of {', '.join(CHANNELS)}", "channels")
    for each in given:
        if each not in CHANNELS:
            raise _invalid(
                f"Unknown channel '{each[:32]}'; the channels are {', '.join(CHANNELS)}",
                "channels",
                "unknown_channel",
            )
    return tuple(dict.fromkeys(given))


def parse_symbols(given: Any) -> tuple[str, ...]:
    """Symbols in upper case, each once. Not checked: `is_symbol`. Raises Refused."""
    if not isinstance(given, list | tuple) or not all(isinstance(each, str) for each in given):
        raise _invalid("symbols must be a list of symbols", "symbols")
    if len(given) > SYMBOLS_PER_MESSAGE_MAX:
        raise _invalid(
            f"The message has {len(given)} symbols; at most {SYMBOLS_PER_MESSAGE_MAX} are allowed",
            "symbols",
            "too_many_symbols",
        )
    return tuple(dict.fromkeys(each.upper() for each in given))


def is_symbol(text: str) -> bool:
    """Whether an instrument can have this name."""
    return _SYMBOL.fullmatch(text) is not None


def parse_since(given: Any) -> Id | None:
    """The id of a message, such as `12:3`. Raises Refused: `invalid_since`."""
    if given is None:
        return None
    found = _ID.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise _invalid("since must be the id of a message, such as '12:3'", "since", "invalid_since")
    return int(found[1]), int(found[2])


def id_text(id: Id) -> str:
    """An id as clients see it."""
    return f"{id[0]}:{id[1]}"


def topics_of(request: Request, account: str | None, known: Iterable[str]) -> tuple[list[Topic], list[str]]:
    """The topics of a request, and its symbols that are not traded here.

    `account`: the one logged in, or None; `known`: the symbols of all instruments.

    Raises:
        Refused: `invalid_message`: a market channel without symbols, or symbols without a market channel.
        NotFound: `unknown_symbol`: the request has symbols, and none of them is traded here.
    """
    traded = set(known)
    if request.subscriptions is not None:
        unknown = [symbol[:NAMED_MAX] for symbol in request.symbols if symbol not in traded]
        if len(unknown) == len(request.symbols) and unknown:
            raise NotFound("unknown_symbol", f"There is no instrument '{unknown[0]}'", "subscriptions")
        return [
            topic if topic.key else Topic(topic.channel, account or "")
            for topic in request.subscriptions
            if not topic.key or topic.key in traded
        ], unknown
    market = [channel for channel in request.channels if channel in MARKET_CHANNELS]
    own = [channel for channel in request.channels if channel in ACCOUNT_CHANNELS]
    if market and not request.symbols:
        raise _invalid(f"The channel {market[0]} needs symbols", "symbols")
    if request.symbols and not market:
        raise _invalid(f"The channel {own[0]} belongs to your account and takes no symbols", "symbols")
    symbols = [symbol for symbol in request.symbols if symbol in traded]
    unknown = [symbol[:NAMED_MAX] for symbol in request.symbols if symbol not in traded]
    if unknown and not symbols:
        raise NotFound("unknown_symbol", f"There is no instrument '{unknown[0]}'", "symbols")
    assert account is not None or not own, "checked before"
    topics = [Topic(channel, symbol) for symbol in symbols for channel in market]
    return topics + [Topic(channel, account or "") for channel in own], unknown


def check_count(topics: int) -> None:
    """Raises Refused: `too_many_subscriptions`."""
    if topics > SUBSCRIPTIONS_MAX:
        raise Refused("too_many_subscriptions", too_many(topics), status=400)


def too_many(topics: int) -> str:
    """The message of `too_many_subscriptions`."""
    return (
        f"{topics} subscriptions (pairs of channel and symbol) on one connection;"
        f" at most {SUBSCRIPTIONS_MAX} are allowed"
    )


def listing(topics: Iterable[Topic]) -> dict[str, list[str]]:
    """Subscriptions as clients see them: symbols by channel; account channels have an empty list."""
    symbols_by_channel: dict[str, list[str]] = {}
    for topic in sorted(topics):
        symbols = symbols_by_channel.setdefault(topic.channel, [])
        if topic.channel in MARKET_CHANNELS:
            symbols.append(topic.key)
    return symbols_by_channel
