"""Split an instrument from now on: positions, last price, and the factors of adjusted bars.

`numerator` new shares replace `denominator` old ones. A forward split adjusts open orders, a reverse
split cancels them."""

from cift.admin import instruments
from cift.auth.store import audit
from cift.contracts.admin import CorporateAction, SplitRequest
from cift.function import Scale, http
from cift.history import requests
from cift.kernel.clock import now_ns
from cift.market_data import rules, tape
from cift.platform.clickhouse import ClickHouse
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.postgres import Database
from cift.platform.questdb import QuestDB
from cift.platform.tick_stream import Ticks


@http(
    "POST",
    "/api/v1/admin/instruments/{symbol}/split",
    scope="admin",
    scale=Scale(max=1),
    extras=("clickhouse",),
)
async def split_instrument(
    symbol: str,
    body: SplitRequest,
    trader: Trader,
    caller: Caller,
    engine: Engine,
    database: Database,
    clickhouse: ClickHouse,
    questdb: QuestDB,
    ticks: Ticks,
) -> CorporateAction:
    name = rules.symbol_of(symbol)
    zone = requests.zone_of(await tape.calendar_of(name, database))
    store = requests.factors_store(clickhouse, questdb)
    known = [] if store is None else await store.factors(name)
    async with database.write() as c:
        ratio = f"{body.numerator}:{body.denominator}"
        await audit(c, "instrument_split", caller, user_id=trader.user_id, subject=name, ratio=ratio)
    await engine.submit(
        {"type": "split", "symbol": name, "numerator": body.numerator, "denominator": body.denominator}
    )
    eve = instruments.eve(zone, now_ns())
    await ticks.publish_factors(name, instruments.after_split(known, eve, body.numerator, body.denominator))
    return CorporateAction(symbol=name, kind="split", last_day_before=eve.isoformat())
