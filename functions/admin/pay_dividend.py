"""Pay a cash dividend: it is credited to longs and charged to shorts, and adjusted bars are corrected.

`amount` is per share, in the instrument's currency. Today is the ex-dividend day."""

from cift.admin import instruments
from cift.auth.store import audit
from cift.contracts.admin import CorporateAction, DividendRequest
from cift.function import Scale, http
from cift.history import requests
from cift.kernel.clock import now_ns
from cift.kernel.errors import Refused
from cift.kernel.money import format_nanos, parse_nanos
from cift.market_data import live, rules, tape
from cift.platform.clickhouse import ClickHouse
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database
from cift.platform.questdb import QuestDB
from cift.platform.tick_stream import Ticks


@http(
    "POST",
    "/api/v1/admin/instruments/{symbol}/dividend",
    scope="admin",
    scale=Scale(max=1),
    extras=("clickhouse",),
)
async def pay_dividend(
    symbol: str,
    body: DividendRequest,
    trader: Trader,
    caller: Caller,
    engine: Engine,
    database: Database,
    clickhouse: ClickHouse,
    questdb: QuestDB,
    ticks: Ticks,
) -> CorporateAction:
    (quote,) = await live.quotes([rules.symbol_of(symbol)], engine)
    if quote.last is None:
        raise Refused("no_reference_price", f"{quote.symbol} has no price yet", "symbol")
    zone = requests.zone_of(await tape.calendar_of(quote.symbol, database))
    store = requests.factors_store(clickhouse, questdb)
    known = [] if store is None else await store.factors(quote.symbol)
    async with database.write() as c:
        await audit(
            c,
            "dividend_paid",
            caller,
            user_id=trader.user_id,
            subject=quote.symbol,
            amount=format_nanos(body.amount),
        )
    await engine.submit({"type": "dividend", "symbol": quote.symbol, "amount": body.amount})
    eve = instruments.eve(zone, now_ns())
    price = parse_nanos(quote.last, "last")
    await ticks.publish_factors(quote.symbol, instruments.after_dividend(known, eve, body.amount, price))
    return CorporateAction(symbol=quote.symbol, kind="dividend", last_day_before=eve.isoformat())
