"""The streams over a WebSocket: one connection, its requests and responses.

Requests are handled one at a time, so each response precedes the next one. Errors have the API's own
form, as messages of the type `error`, and the connection stays open. An error that ends the connection is
followed by close code 1008 with the error's code as the reason.
"""

import time

from cift.kernel.clock import rfc3339
from cift.kernel.errors import CiftError, Refused, Unauthenticated
from cift.platform.identity import Identity, Trader, require
from cift.platform.limits import Limits
from cift.platform.socket import POLICY, Socket, SocketClosed
from cift.streams import messages, rules
from cift.streams.catch_up import CatchUp, Places
from cift.streams.credentials import Connections
from cift.streams.hub import Hub
from cift.streams.rules import Request, Topic
from cift.streams.socket_transport import SocketTransport
from cift.streams.subscriber import Subscriber
from cift.streams.views import Published


class _MessageTransport(SocketTransport):
    """Sends each message as JSON, or as MessagePack if `packed`."""

    __slots__ = ("_packed",)

    def __init__(self, socket: Socket, *, packed: bool) -> None:
        super().__init__(socket)
        self._packed = packed

    def offer(self, published: Published) -> bool:
        socket = self._socket
        if socket.full:
            return False
        socket.write(published.packed if self._packed else published.text)
        return True

    def write(self, published: Published) -> None:
        self._socket.write(published.packed if self._packed else published.text)

    @property
    def closed(self) -> bool:
        return self._socket.closed

    def end(self, error: CiftError) -> None:
        self.write(error_of(error, self._socket.caller.request_id))
        self._socket.close(POLICY, error.code)


def error_of(error: CiftError, request_id: str, reply_to: str | int | None = None) -> Published:
    """An error in the API's own form."""
    body = messages.Error(type="error", code=error.code, message=error.message, request_id=request_id)
    if error.field is not None:
        body["field"] = error.field
    if reply_to is not None:
        body["reply_to"] = reply_to
    return Published(body, None)


class Session:
    """One connection."""

    def __init__(
        self,
        socket: Socket,
        hub: Hub,
        places: Places,
        connections: Connections,
        identity: Identity,
        limits: Limits,
    ) -> None:
        self._limits = limits
        form = socket.query.get("format", "json")
        if form not in rules.FORMATS:
            raise Refused("invalid_request", f"format must be one of {', '.join(rules.FORMATS)}", "format")
        self._socket, self._hub, self._connections, self._identity = socket, hub, connections, identity
        self._transport = _MessageTransport(socket, packed=form == "msgpack")
        self._subscriber = Subscriber(hub, self._transport)
        self._catch_up = CatchUp(hub, places, self._subscriber, socket.caller.address)
        self._reply_to: str | int | None = None
        self._allowance, self._spent_at = float(rules.MESSAGES_BURST), time.monotonic()
        self.trader: Trader | None = None

    async def run(self) -> None:
        """Serve the connection until it ends."""
        self._socket.on_drain = self._subscriber.drained
        self._hub.on_heartbeat.add(self._send_heartbeat)
        try:
            self._send(
                messages.Welcome(type="welcome", channels=list(rules.CHANNELS), at=rfc3339(time.time_ns()))
            )
            if self._socket.trader is not None:
                self._log_in(self._socket.trader)
            while True:
                await self._handle(await self._socket.receive())
        except SocketClosed:
            pass
        finally:
            self._hub.on_heartbeat.discard(self._send_heartbeat)
            self._connections.discard(self)
            self._hub.detach(self._subscriber, self._subscriber.topics)
            self._socket.on_drain = None

    def end(self, error: CiftError) -> None:
        self._transport.end(error)

    def _send_heartbeat(self, heartbeat: Published) -> None:
        if not self._socket.full:
            self._transport.write(heartbeat)

    def _send(self, message: messages.Response) -> None:
        reply = {} if self._reply_to is None else {"reply_to": self._reply_to}
        self._transport.write(Published({**message, **reply}, None))

    def _send_error(self, error: CiftError) -> None:
        self._transport.write(error_of(error, self._socket.caller.request_id, self._reply_to))

    async def _handle(self, message: str | bytes) -> None:
        now = time.monotonic()
        self._allowance = min(
            rules.MESSAGES_BURST, self._allowance + (now - self._spent_at) * rules.MESSAGES_PER_S
        )
        self._spent_at = now
        if self._allowance < 1:
            self._transport.end(
                Refused("rate_limited", f"More than {rules.MESSAGES_PER_S} messages per second", status=429)
            )
            return
        self._allowance -= 1
        try:
            request = rules.parse(message)
            self._reply_to = request.id
            match request.action:
                case "ping":
                    self._send(messages.Pong(type="pong", at=rfc3339(time.time_ns())))
                case "auth":
                    await self._authenticate(request)
                case "subscribe":
                    await self._subscribe(request)
                case "unsubscribe":
                    await self._unsubscribe(request)
        except CiftError as error:
            self._send_error(error)
        finally:
            self._reply_to = None

    async def _authenticate(self, request: Request) -> None:
        authorization = f"Bearer {request.token}" if request.token is not None else None
        trader = await self._limits.credential(
            self._socket.caller.address,
            lambda: self._identity.authenticate(authorization, request.api_key),
        )
        if self.trader is not None and trader.account_id != self.trader.account_id:
            raise Refused(
                "other_account", "The connection is logged in to another account; open a new one", status=409
            )
        self._log_in(trader)

    def _log_in(self, trader: Trader) -> None:
        self._connections.discard(self)  # a new token replaces the old one
        self.trader = trader
        self._connections.add(self)
        self._send(
            messages.Authenticated(
                type="authenticated", account_id=trader.account_id, scopes=sorted(trader.scopes)
            )
        )

    async def _topics(self, request: Request) -> tuple[list[Topic], list[str]]:
        own = [channel for channel in request.channels if channel in rules.ACCOUNT_CHANNELS]
        if own:
            if self.trader is None:
                raise Unauthenticated("credential_required", f"Log in to subscribe to {', '.join(own)}")
            require(self.trader, "read")
        account = self.trader.account_id if self.trader is not None else None
        return rules.topics_of(request, account, await self._hub.symbols(request.symbols))

    async def _subscribe(self, request: Request) -> None:
        requested, unknown = await self._topics(request)
        topics = [topic for topic in requested if topic not in self._subscriber.topics]
        rules.check_count(len(self._subscriber.topics) + len(topics))
        for topic in requested:
            if topic in self._subscriber.topics and topic not in topics:
                self._subscriber.repeat(topic)
        account = self.trader.account_id if self.trader is not None else None
        await self._catch_up.subscribe(topics, request.since, account)
        self._send_subscribed(unknown)

    async def _unsubscribe(self, request: Request) -> None:
        topics, unknown = await self._topics(request)
        self._end_topics(topics)
        self._send_subscribed(unknown)

    def _end_topics(self, topics: list[Topic]) -> None:
        ended = [topic for topic in topics if topic in self._subscriber.topics]
        for topic in ended:
            self._subscriber.topics.discard(topic)
            self._subscriber.forget(topic)
        self._hub.detach(self._subscriber, ended)

    def _send_subscribed(self, unknown: list[str]) -> None:
        subscriptions = rules.listing(self._subscriber.topics)
        self._send(
            messages.Subscribed(
                type="subscribed",
                subscriptions=subscriptions,
                unknown_symbols=unknown,
                last=rules.id_text(self._hub.last or (0, 0)),
            )
        )
