"""The streams of a process, as its functions use them."""

from weakref import WeakSet

from cift.kernel.errors import Refused, Unauthenticated, Unavailable
from cift.platform.identity import Caller, Trader, require
from cift.platform.socket import Socket
from cift.platform.stores import Platform
from cift.streams import rules
from cift.streams.catch_up import Places
from cift.streams.credentials import Connections
from cift.streams.hub import Hub
from cift.streams.session import Session
from cift.streams.sse import EventStream


class Streams:
    """One hub and its connections."""

    def __init__(self, platform: Platform) -> None:
        self._identity = platform.identity
        self._limits = platform.limits
        self._hub = self.hub = Hub(
            platform.nats, platform.engine, lambda: platform.database, platform.settings.shard
        )
        self.identity = platform.identity
        self._places = self.places = Places()
        self._connections = self.connections = Connections(platform.identity)
        self._event_streams: WeakSet[EventStream] = WeakSet()

    @staticmethod
    def of(platform: Platform) -> "Streams":
        return platform.singleton(Streams, lambda: Streams(platform))

    async def serve_socket(self, socket: Socket) -> None:
        """Serve one WebSocket until it ends."""
        await Session(socket, self._hub, self._places, self._connections, self._identity, self._limits).run()

    async def event_stream(
        self, symbols: str, channels: str | None, since: str | None, trader: Trader | None, caller: Caller
    ) -> EventStream:
        """A response of Server-Sent Events. `symbols` and `channels` are separated by commas.

        Raises:
            CiftError: as for a subscription over a WebSocket.
        """
        given = channels.split(",") if channels is not None else list(rules.CHANNELS_DEFAULT)
        request = rules.Request(
            "subscribe",
            rules.parse_channels([each.strip() for each in given]),
            rules.parse_symbols([each.strip() for each in symbols.split(",") if each.strip()]),
            rules.parse_since(since),
        )
        own = [channel for channel in request.channels if channel in rules.ACCOUNT_CHANNELS]
        if own:
            if trader is None:
                raise Unauthenticated("credential_required", f"Log in to subscribe to {', '.join(own)}")
            require(trader, "read")
        account = trader.account_id if trader is not None else None
        topics, unknown = rules.topics_of(request, account, await self._hub.symbols(request.symbols))
        if len(topics) > rules.SUBSCRIPTIONS_MAX:
            raise Refused("too_many_subscriptions", rules.too_many(len(topics)), "symbols")
        if len(self._event_streams) >= rules.EVENT_STREAMS_MAX:
            raise Unavailable(
                "too_many_connections",
                f"This process has {len(self._event_streams)} event streams, its limit",
            )
        stream = EventStream(
            self._hub,
            self._places,
            self._connections,
            topics,
            request.since,
            trader,
            unknown,
            caller.address,
        )
        self._event_streams.add(stream)
        return stream

    async def close(self) -> None:
        await self._connections.close()
        await self._hub.close()
