"""A conversation over a WebSocket: what the client asks, and what it hears.

One message at a time is dealt with; its answer comes before the next one's. Errors are told in the API's
own form, as messages of the type `error`, and the conversation goes on; what cannot go on ends with a last
error and a close code of 1008 whose reason is the error's code.
"""

import asyncio
import time

from cift.kernel.clock import rfc3339
from cift.kernel.errors import CiftError, Refused, Unauthenticated, Unavailable
from cift.platform.identity import Identity, Trader, require
from cift.platform.socket import POLICY, Socket, SocketClosed
from cift.streams import rules, views
from cift.streams.credentials import Guests
from cift.streams.hub import Hub
from cift.streams.reader import Line, Reader
from cift.streams.rules import Asked, Topic
from cift.streams.views import Published


class _SocketLine(Line):
    """Frames of one form on a socket."""

    __slots__ = ("_packed", "_socket")

    def __init__(self, socket: Socket, *, packed: bool) -> None:
        self._socket, self._packed = socket, packed

    def offer(self, published: Published) -> bool:
        socket = self._socket
        if socket.full:
            return False
        socket.write(published.packed if self._packed else published.text)
        return True

    def write(self, published: Published) -> None:
        self._socket.write(published.packed if self._packed else published.text)

    @property
    def behind(self) -> bool:
        return self._socket.full

    @property
    def unsent(self) -> int:
        return self._socket.unsent

    def cut(self, error: CiftError) -> None:
        self.write(error_of(error, self._socket.caller.request_id))
        self._socket.close(POLICY, error.code)


def error_of(error: CiftError, request_id: str) -> Published:
    """An error in the API's own form."""
    said = {"code": error.code, "message": error.message, "field": error.field, "request_id": request_id}
    return views.notice("error", **{name: value for name, value in said.items() if value is not None})


class Session:
    """One connection."""

    def __init__(self, socket: Socket, hub: Hub, guests: Guests, identity: Identity) -> None:
        form = socket.query.get("format", "json")
        if form not in rules.FORMATS:
            raise Refused("invalid_request", f"format must be one of {', '.join(rules.FORMATS)}", "format")
        self._socket, self._hub, self._guests, self._identity = socket, hub, guests, identity
        self._line = _SocketLine(socket, packed=form == "msgpack")
        self._reader = Reader(hub, self._line)
        self._allowance, self._spent_at = float(rules.MESSAGES_BURST), time.monotonic()
        self.trader: Trader | None = None

    async def run(self) -> None:
        """Until the connection is over."""
        self._socket.on_drain = self._reader.drained
        self._hub.on_heartbeat.add(self._beat)
        try:
            self._tell("welcome", channels=list(rules.CHANNELS), at=rfc3339(time.time_ns()))
            if self._socket.trader is not None:
                self._welcome(self._socket.trader)
            while True:
                await self._hear(await self._socket.receive())
        except SocketClosed:
            pass
        finally:
            self._hub.on_heartbeat.discard(self._beat)
            self._guests.discard(self)
            for topic in tuple(self._reader.topics):
                self._hub.leave(self._reader, topic)
            self._socket.on_drain = None

    def expel(self, error: CiftError) -> None:
        self._line.cut(error)

    def _beat(self, heartbeat: Published) -> None:
        if not self._socket.full:
            self._line.write(heartbeat)

    def _tell(self, kind: str, **said: object) -> None:
        self._line.write(views.notice(kind, **said))

    async def _hear(self, message: str | bytes) -> None:
        now = time.monotonic()
        self._allowance = min(
            rules.MESSAGES_BURST, self._allowance + (now - self._spent_at) * rules.MESSAGES_PER_S
        )
        self._spent_at = now
        if self._allowance < 1:
            self._line.cut(
                Refused("rate_limited", f"More than {rules.MESSAGES_PER_S} messages in a second", status=429)
            )
            return
        self._allowance -= 1
        try:
            asked = rules.read(message)
            async with asyncio.timeout(rules.SUBSCRIBE_TIMEOUT_S):
                match asked.action:
                    case "ping":
                        self._tell("pong", at=rfc3339(time.time_ns()))
                    case "auth":
                        await self._authenticate(asked)
                    case "subscribe":
                        await self._subscribe(asked)
                    case "unsubscribe":
                        await self._unsubscribe(asked)
        except CiftError as error:
            self._line.write(error_of(error, self._socket.caller.request_id))
        except TimeoutError:
            late = Unavailable("stream_unavailable", "It could not be done in time; ask again")
            self._line.write(error_of(late, self._socket.caller.request_id))

    async def _authenticate(self, asked: Asked) -> None:
        authorization = f"Bearer {asked.token}" if asked.token is not None else None
        trader = await self._identity.authenticate(authorization, asked.api_key)
        if self.trader is not None and trader.account_id != self.trader.account_id:
            raise Refused("other_account", "This connection belongs to another account", status=409)
        self._welcome(trader)

    def _welcome(self, trader: Trader) -> None:
        self._guests.discard(self)  # a fresh token takes the place of an old one
        self.trader = trader
        self._guests.add(self)
        self._tell("authenticated", account_id=trader.account_id, scopes=sorted(trader.scopes))

    async def _topics(self, asked: Asked) -> tuple[list[Topic], list[str]]:
        own = [channel for channel in asked.channels if channel in rules.OWN]
        if own:
            if self.trader is None:
                raise Unauthenticated("credential_required", f"Log in to hear {', '.join(own)}")
            require(self.trader, "read")
        account = self.trader.account_id if self.trader is not None else None
        return rules.topics_of(asked, account, await self._hub.symbols(asked.symbols))

    async def _subscribe(self, asked: Asked) -> None:
        named, unknown = await self._topics(asked)
        topics = [topic for topic in named if topic not in self._reader.topics]
        rules.check_count(len(self._reader.topics) + len(topics))
        self._reader.topics.update(topics)
        joins = [self._hub.join(self._reader, topic, asked.since) for topic in topics]
        try:
            await asyncio.gather(*joins)
        except BaseException:  # all or nothing
            for topic in topics:
                self._reader.topics.discard(topic)
                self._hub.leave(self._reader, topic)
            raise
        self._confirm(unknown)

    async def _unsubscribe(self, asked: Asked) -> None:
        topics, unknown = await self._topics(asked)
        for topic in topics:
            self._reader.topics.discard(topic)
            self._hub.leave(self._reader, topic)
        self._confirm(unknown)

    def _confirm(self, unknown: list[str]) -> None:
        self._tell("subscribed", subscriptions=rules.listing(self._reader.topics), unknown_symbols=unknown)
