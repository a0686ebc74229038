"""The streams of a process, as its functions ask for them."""

from weakref import WeakSet

from cift.kernel.errors import Refused, Unauthenticated, Unavailable
from cift.platform.identity import Trader, require
from cift.platform.socket import Socket
from cift.platform.stores import Platform
from cift.streams import rules
from cift.streams.credentials import Guests
from cift.streams.hub import Hub
from cift.streams.session import Session
from cift.streams.sse import EventStream, one_kind


class Streams:
    """One hub, and whose connections there are."""

    def __init__(self, platform: Platform) -> None:
        self._identity = platform.identity
        self._hub = Hub(platform.nats, platform.engine)
        self._guests = Guests(platform.identity)
        self._answers: WeakSet[EventStream] = WeakSet()

    @staticmethod
    def of(platform: Platform) -> "Streams":
        return platform.singleton(Streams, lambda: Streams(platform))

    async def converse(self, socket: Socket) -> None:
        """Serve one WebSocket until it is over."""
        await Session(socket, self._hub, self._guests, self._identity).run()

    async def events(
        self, symbols: str, channels: str | None, since: str | None, trader: Trader | None
    ) -> EventStream:
        """An answer of Server-Sent Events. `symbols` and `channels` are separated by commas.

        Raises:
            CiftError: as for a subscription over a WebSocket.
        """
        given = channels.split(",") if channels is not None else list(rules.CHANNELS_DEFAULT)
        wanted = rules.channels_of([each.strip() for each in given])
        one_kind(wanted)
        named = rules.symbols_of([each.strip() for each in symbols.split(",") if each.strip()])
        own = wanted[0] in rules.OWN
        if own:
            if trader is None:
                raise Unauthenticated("credential_required", f"Log in to hear {', '.join(wanted)}")
            require(trader, "read")
        asked = rules.Asked("subscribe", wanted, named, rules.since_of(since))
        account = trader.account_id if trader is not None else None
        topics, unknown = rules.topics_of(asked, account, await self._hub.symbols(named))
        if len(topics) > rules.SUBSCRIPTIONS_MAX:
            raise Refused("too_many_subscriptions", "Too many channels and symbols", "symbols")
        if len(self._answers) >= rules.ANSWERS_MAX:
            raise Unavailable("too_many_connections", "This process has no room for another connection")
        answer = EventStream(self._hub, self._guests, topics, asked.since, trader, unknown)
        self._answers.add(answer)
        return answer

    async def close(self) -> None:
        await self._guests.close()
        await self._hub.close()
