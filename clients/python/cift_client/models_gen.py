# Written by `make generate` from functions/{openapi,asyncapi}.gen.json. Do not edit.
# ruff: noqa: RUF012, S105
"""The bodies of requests and responses, and the messages of the streams."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Literal

from cift_client.model import Amount, Model, Word


class AccountLimits(Model):
    """All limits of an account; one that is absent is the default of the account's kind, or no limit."""

    max_order_quantity: Amount | None = None
    max_order_notional: Amount | None = None
    max_position: Amount | None = None
    max_open_orders: int = 500
    max_orders_per_second: int = 500
    max_daily_loss: Amount | None = None
    leverage_percent: int | None = None


class LimitsView(Model):
    """The limits in force; null: no limit."""

    max_order_quantity: Decimal | None
    max_order_notional: Decimal | None
    max_position: Decimal | None
    max_open_orders: int
    max_orders_per_second: int
    max_daily_loss: Decimal | None
    leverage_percent: int


class AdminAccount(Model):
    """An account's state in the engine."""

    account_id: str
    kind: Annotated[Literal["cash", "margin"], Word]
    state: Annotated[Literal["active", "reduce_only", "suspended", "closed"], Word]
    currency: str
    cash: Decimal
    equity: Decimal
    open_orders: int
    limits: LimitsView


class AdminUser(Model):
    """A user, as administrators see it."""

    user_id: str
    username: str
    email: str
    account_id: str
    status: Annotated[Literal["pending", "active", "disabled"], Word]


class Authenticated(Model):
    """The connection is logged in."""

    type: Literal["authenticated"]
    account_id: str
    scopes: list[str]
    reply_to: str | int | None = None
    """The id of the client message that this responds to."""


class BarUpdate(Model):
    """One minute of trades on this exchange and of outside prints."""

    type: Literal["bar"]
    id: str
    """Command of the journal, index: the place in the stream."""
    symbol: str
    interval: Literal["1m"]
    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    trades: int


class BookUpdate(Model):
    """A snapshot of the book, or a change of it. docs/book-protocol.md describes how to keep a book."""

    type: Literal["book"]
    id: str | None
    """The place in the stream; null: this is the current state, which is not part of it."""
    symbol: str
    snapshot: bool
    sequence: int
    """The journal record after which the book has this state."""
    bids: list[tuple[Decimal, Decimal, int]]
    asks: list[tuple[Decimal, Decimal, int]]
    checksum: int | None
    """CRC-32 of the best ten levels of each side."""
    at: datetime
    previous: int | None = None
    """`sequence` of the message before; absent in a snapshot."""


class LevelView(Model):
    """One price level of the book: its visible quantity."""

    price: Decimal
    quantity: Decimal
    orders: int


class BookView(Model):
    """The visible book, best prices first."""

    symbol: str
    bids: list[LevelView]
    asks: list[LevelView]
    sequence: int
    checksum: int
    """Of the best ten levels a side; docs/book-protocol.md defines it."""


class BuyingPowerView(Model):
    """The buying power of the account, from the engine."""

    currency: str
    cash: Decimal
    reserved: Decimal
    equity: Decimal
    buying_power: Decimal
    withdrawable: Decimal
    maintenance_margin: Decimal
    """The account is liquidated when its equity falls below this. 0: it is not."""
    open_orders: int


class TradingDay(Model):
    """The hours of one trading day, in UTC; ends are not included."""

    day: str
    """In the exchange's own zone."""
    opens_at: datetime
    closes_at: datetime
    break_starts_at: datetime | None
    break_ends_at: datetime | None
    extended_opens_at: datetime
    """With trading before the regular hours; else as opens_at."""
    extended_closes_at: datetime


class CalendarView(Model):
    """The trading days of an exchange, oldest first."""

    calendar: str
    zone: str
    items: list[TradingDay]


class CanceledView(Model):
    """How many orders a cancel-all ended."""

    canceled: int


class ExchangeClock(Model):
    """The hours of one exchange at the time of the response."""

    calendar: str
    zone: str
    local_time: str
    state: Annotated[Literal["closed", "pre", "regular", "break", "post"], Word]
    is_open: bool
    """Whether the regular hours are on; a lunch break is closed."""
    next_open_at: datetime | None
    """null: not within two weeks."""
    next_close_at: datetime | None
    last_session: TradingDay | None
    """The session that is on, or the last one."""


class ClockView(Model):
    """The time, whether this exchange is open, and the hours of the exchanges whose calendars it
    knows.
    """

    now: datetime
    is_open: bool
    """Whether this exchange is open: orders are matched."""
    items: list[ExchangeClock]


class CorporateAction(Model):
    """A split or a dividend that is done in the engine and sent to the history."""

    symbol: str
    kind: Annotated[Literal["split", "dividend"], Word]
    last_day_before: str
    """Prices up to this day are adjusted; in the zone of the instrument's calendar."""


class CreatedApiKey(Model):
    """The key itself, which is shown only once."""

    id: str
    name: str
    scopes: list[Annotated[Literal["read", "trade", "funds"], Word]]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None
    key: str
    """Id and secret in one: send it as X-API-Key."""
    secret: str
    """The secret alone, for clients that send the id beside it: APCA-API-KEY-ID and APCA-API-SECRET-
    KEY, or Basic.
    """


class Error(Model):
    """A request was refused, or the connection ends: then the close reason is `code`."""

    type: Literal["error"]
    code: str
    """For programs; stable."""
    message: str
    """For people."""
    field: str | None = None
    """The field of the message that is wrong."""
    request_id: str | None = None
    reply_to: str | int | None = None
    """The id of the client message that this responds to."""


class ErrorView(Model):
    """The body of every 4xx and 5xx response."""

    code: str
    """For programs; stable."""
    message: str
    """For people."""
    request_id: str
    """The X-Request-ID of this request."""
    field: str | None = None
    """The field of the request that is wrong, where there is one."""
    id: str | None = None
    """With outcome_unknown: the id to look it up by. With a refused order: its id."""


class FillUpdate(Model):
    """Your side of a trade, and the filled and remaining quantity of the order after it."""

    type: Literal["fill"]
    id: str
    """Command of the journal, index: the place in the stream."""
    order_id: str
    client_order_id: str | None
    trade_id: int
    """In JSON a string beyond 2^53."""
    symbol: str
    side: Annotated[Literal["buy", "sell"], Word]
    liquidity: Annotated[Literal["maker", "taker"], Word]
    price: Decimal
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    realized_pnl: Decimal
    position_after: Decimal
    filled_quantity: Decimal
    remaining_quantity: Decimal
    executed_at: datetime
    sequence: int
    at: datetime


class Gap(Model):
    """Messages after `since` are missing: they are no longer stored, or the exchange never had this
    id.
    """

    type: Literal["gap"]
    id: None
    since: str
    """Command of the journal, index: the place in the stream."""


class Health(Model):
    """Always `ok`: a process that is not healthy does not respond."""

    status: Literal["ok"] = "ok"


class Heartbeat(Model):
    """Sent every 15 seconds."""

    type: Literal["heartbeat"]
    at: datetime


class HistoryPointView(Model):
    """The account at the end of one interval."""

    start: datetime
    equity: Decimal
    cash: Decimal
    transfers: Decimal
    """Deposits minus withdrawals within the interval."""
    profit: Decimal
    """Equity minus base, without transfers since."""
    drawdown: Decimal
    """How far the profit is below its highest value so far; 0 or negative."""


class HistoryView(Model):
    """The equity of an account over time, oldest interval first."""

    interval: str
    base: Decimal
    """The equity that the range began with, or the first deposit in it."""
    return_percent: Decimal | None
    max_drawdown: Decimal
    items: list[HistoryPointView]


class Index(Model):
    """Name, version, and paths of the API."""

    name: str
    version: str
    links: dict[str, str]


class InstrumentDetails(Model):
    """The name and the calendar of an instrument."""

    symbol: str
    name: str | None
    calendar: str


class InstrumentTerms(Model):
    """A listed instrument."""

    symbol: str
    name: str | None
    calendar: str
    currency: str
    tick: Decimal
    lot: Decimal
    band_percent: Decimal
    collar_percent: Decimal


class Jwks(Model):
    """The public keys that verify access tokens (RFC 7517)."""

    keys: list[dict[str, str]]


class MaxOrderSizeView(Model):
    """The largest quantity that the engine would accept now."""

    symbol: str
    side: Annotated[Literal["buy", "sell"], Word]
    type: Annotated[Literal["market", "limit", "stop", "stop_limit", "trailing_stop"], Word]
    limit_price: Decimal | None
    quantity: Decimal


class Me(Model):
    """The owner of this request's credential."""

    user_id: str
    email: str
    username: str
    account_id: str
    status: Annotated[Literal["pending", "active", "disabled"], Word]
    """pending: the account is being opened; a login completes it."""
    created_at: datetime
    scopes: list[str]
    credential: Annotated[Literal["session", "key"], Word]


class OrderView(Model):
    """The state of an order at `sequence`."""

    id: str
    client_order_id: str | None
    account_id: str
    symbol: str
    side: Annotated[Literal["buy", "sell"], Word]
    type: Annotated[Literal["market", "limit", "stop", "stop_limit", "trailing_stop"], Word]
    time_in_force: Annotated[Literal["day", "gtc", "ioc", "fok", "gtd"], Word]
    expire_at: datetime | None
    quantity: Decimal
    filled_quantity: Decimal
    remaining_quantity: Decimal
    average_fill_price: Decimal | None
    limit_price: Decimal | None
    stop_price: Decimal | None
    """Of a trailing stop: its current stop price."""
    trail_amount: Decimal | None
    trail_percent: Decimal | None
    display_quantity: Decimal | None
    post_only: bool
    reduce_only: bool
    self_trade_prevention: Annotated[Literal["cancel_newest", "cancel_oldest", "cancel_both", "none"], Word]
    order_class: Annotated[Literal["simple", "bracket", "oco", "oto"], Word]
    parent_id: str | None
    legs: list[str]
    """Ids of its exit legs, which are orders of their own."""
    status: Annotated[
        Literal["held", "pending", "new", "partially_filled", "filled", "canceled", "expired", "rejected"],
        Word,
    ]
    reason: str | None
    """Why it ended unfilled, or was refused."""
    created_at: datetime
    updated_at: datetime
    sequence: int
    """The last command in the journal that changed it."""


class OrderUpdate(Model):
    """An order of your account after a change."""

    type: Literal["order"]
    id: str
    """Command of the journal, index: the place in the stream."""
    change: Annotated[
        Literal["accepted", "activated", "adjusted", "replaced", "closed", "filled", "refused"], Word
    ]
    order_id: str
    status: Annotated[
        Literal["held", "pending", "new", "partially_filled", "filled", "canceled", "expired", "rejected"],
        Word,
    ]
    order: OrderView
    at: datetime


class ApiKeyView(Model):
    """An API key, without its secret."""

    id: str
    name: str
    scopes: list[Annotated[Literal["read", "trade", "funds"], Word]]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    """To the minute."""
    revoked_at: datetime | None


class ApiKeyViewPage(Model):
    """ApiKeyViewPage."""

    items: list[ApiKeyView]
    next_cursor: str | None = None


class BarView(Model):
    """Trades of one interval; intervals without a trade have no bar."""

    symbol: str
    start: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal
    vwap: Decimal
    """Sum of price x quantity over sum of quantity, to nine decimals."""
    trades: int
    sources: list[str]
    """Whose trades: `exchange`, and the names of feeds (`outside` where no tick store runs)."""


class BarViewPage(Model):
    """BarViewPage."""

    items: list[BarView]
    next_cursor: str | None = None


class ClosedTradeView(Model):
    """A part of a position from its entry to its exit."""

    id: str
    symbol: str
    side: Annotated[Literal["long", "short"], Word]
    quantity: Decimal
    entry_price: Decimal
    exit_price: Decimal
    entry_at: datetime
    """With `average`: the first fill of the position."""
    exit_at: datetime
    seconds_held: Decimal
    profit: Decimal
    """Without fees."""
    fees: Decimal
    """Of entry and exit."""
    net_profit: Decimal
    return_percent: Decimal | None
    """Net profit in percent of the entry's value."""
    exit_order_id: str


class ClosedTradeViewPage(Model):
    """ClosedTradeViewPage."""

    items: list[ClosedTradeView]
    next_cursor: str | None = None


class DeadLetterView(Model):
    """A message that its handler rejected for good. It can be delivered again."""

    id: int
    function: str
    reason: str
    stream: str
    sequence: int
    subject: str
    published_at: datetime
    put_aside_at: datetime
    data_bytes: int


class DeadLetterViewPage(Model):
    """DeadLetterViewPage."""

    items: list[DeadLetterView]
    next_cursor: str | None = None


class ExecutionView(Model):
    """One fill compared with the market; null where there was no quote."""

    at: datetime
    order_id: str
    symbol: str
    side: str
    liquidity: str
    price: Decimal
    quantity: Decimal
    mid: Decimal | None
    """Middle of the inside market when it was filled."""
    effective_spread: Decimal | None
    """Twice the price paid beyond the mid; below 0: earned."""
    arrival_mid: Decimal | None
    """Middle of the inside market when the order was placed."""
    slippage: Decimal | None
    """The price paid beyond the arrival mid; below 0: improved."""


class ExecutionViewPage(Model):
    """ExecutionViewPage."""

    items: list[ExecutionView]
    next_cursor: str | None = None


class FillView(Model):
    """Your side of a trade."""

    id: str
    order_id: str
    trade_id: int
    symbol: str
    side: Annotated[Literal["buy", "sell"], Word]
    liquidity: Annotated[Literal["maker", "taker"], Word]
    price: Decimal
    quantity: Decimal
    notional: Decimal
    fee: Decimal
    realized_pnl: Decimal
    position_after: Decimal
    executed_at: datetime
    sequence: int


class FillViewPage(Model):
    """FillViewPage."""

    items: list[FillView]
    next_cursor: str | None = None


class OrderFlowView(Model):
    """Order-flow imbalance of one interval (Cont, Kukanov, Stoikov 2014)."""

    start: datetime
    imbalance: Decimal
    """Sum over quotes of the quantity added to the bid minus that added to the ask."""
    quotes: int


class OrderFlowViewPage(Model):
    """OrderFlowViewPage."""

    items: list[OrderFlowView]
    next_cursor: str | None = None


class OrderViewPage(Model):
    """OrderViewPage."""

    items: list[OrderView]
    next_cursor: str | None = None


class SpreadView(Model):
    """The inside market of one interval: means over its quotes that had both sides and did not cross."""

    start: datetime
    spread: Decimal
    spread_min: Decimal
    spread_max: Decimal
    spread_bp: float
    """Mean of spread over mid, in 1/100 of a percent."""
    bid_quantity: Decimal
    ask_quantity: Decimal
    quotes: int


class SpreadViewPage(Model):
    """SpreadViewPage."""

    items: list[SpreadView]
    next_cursor: str | None = None


class SymbolView(Model):
    """An instrument that is traded here."""

    symbol: str
    name: str | None
    """The instrument's name; null where none is set."""
    currency: str
    tick: Decimal
    lot: Decimal
    band_percent: Decimal
    collar_percent: Decimal
    halted: bool
    last: Decimal | None
    calendar: str
    """The exchange whose trading days and hours apply (ISO 10383), or 24/7."""
    in_regular_hours: bool
    """Whether that exchange is open now."""
    hours_change_at: datetime | None
    """The time of the next change; null: not within two weeks."""
    session: Annotated[Literal["closed", "pre", "regular", "break", "post"], Word]
    """The part of that exchange's trading day."""
    last_session: str | None
    """The day of the session that is on, or of the last one."""


class SymbolViewPage(Model):
    """SymbolViewPage."""

    items: list[SymbolView]
    next_cursor: str | None = None


class TradeView(Model):
    """A print of the tape."""

    id: str
    symbol: str
    source: Annotated[Literal["exchange", "outside"], Word]
    price: Decimal
    quantity: Decimal
    aggressor: Annotated[Literal["buy", "sell"], Word] | None
    """Side of the taker; null for outside prints."""
    trade_id: int | None
    executed_at: datetime


class TradeViewPage(Model):
    """TradeViewPage."""

    items: list[TradeView]
    next_cursor: str | None = None


class TransactionView(Model):
    """A movement of cash."""

    id: str
    kind: (
        Annotated[
            Literal["deposit", "withdrawal", "reset", "dividend", "cash_in_lieu", "liquidation", "deficit"],
            Word,
        ]
        | Annotated[Literal["trade", "fee"], Word]
    )
    amount: Decimal
    """Signed: what the account received."""
    cash: Decimal
    """The balance after it."""
    symbol: str | None
    order_id: str | None
    trade_id: int | None
    transfer_id: str | None
    created_at: datetime
    sequence: int


class TransactionViewPage(Model):
    """TransactionViewPage."""

    items: list[TransactionView]
    next_cursor: str | None = None


class VolumeAtPriceView(Model):
    """The volume traded in one band of prices; `price` is its lower end."""

    price: Decimal
    volume: Decimal
    trades: int


class VolumeAtPriceViewPage(Model):
    """VolumeAtPriceViewPage."""

    items: list[VolumeAtPriceView]
    next_cursor: str | None = None


class ActivityView(Model):
    """Fills and closed trades. A trade is won or lost after fees."""

    fills: int
    volume: Decimal
    """Sum of price x quantity."""
    fees: Decimal
    realized: Decimal
    """Without fees, at average cost."""
    closed_trades: int
    won: int
    lost: int
    win_rate_percent: Decimal | None
    profit_factor: Decimal | None
    """Profits of won trades / losses of lost ones."""
    average_seconds_held: Decimal | None


class SymbolPerformanceView(Model):
    """The trades of a symbol."""

    fills: int
    volume: Decimal
    """Sum of price x quantity."""
    fees: Decimal
    realized: Decimal
    """Without fees, at average cost."""
    closed_trades: int
    won: int
    lost: int
    win_rate_percent: Decimal | None
    profit_factor: Decimal | None
    """Profits of won trades / losses of lost ones."""
    average_seconds_held: Decimal | None
    symbol: str


class DayPerformanceView(Model):
    """The account at the end of a day, and the trades of that day."""

    fills: int
    volume: Decimal
    """Sum of price x quantity."""
    fees: Decimal
    realized: Decimal
    """Without fees, at average cost."""
    closed_trades: int
    won: int
    lost: int
    win_rate_percent: Decimal | None
    profit_factor: Decimal | None
    """Profits of won trades / losses of lost ones."""
    average_seconds_held: Decimal | None
    date: str
    equity: Decimal
    cash: Decimal
    transfers: Decimal
    profit: Decimal
    return_percent: Decimal | None


class PerformanceView(Model):
    """The performance of an account in a range of days (UTC). Ratios without a divisor are null."""

    start: datetime
    end: datetime
    method: Annotated[Literal["average", "fifo"], Word]
    days_per_year: int
    base: Decimal
    """The equity that the range began with, or the first deposit in it."""
    profit: Decimal
    return_percent: Decimal | None
    """Time-weighted: transfers do not change it."""
    volatility_percent: Decimal | None
    """Of a year."""
    sharpe: Decimal | None
    sortino: Decimal | None
    max_drawdown: Decimal
    max_drawdown_percent: Decimal | None
    exposure_percent: Decimal | None
    """Mean of gross position value / equity at ends of days."""
    turnover: Decimal | None
    """Value of all fills / mean equity."""
    trades: ActivityView
    symbols: list[SymbolPerformanceView]
    days: list[DayPerformanceView]


class Pong(Model):
    """The response to a ping."""

    type: Literal["pong"]
    at: datetime
    reply_to: str | int | None = None
    """The id of the client message that this responds to."""


class PositionView(Model):
    """A position in one symbol; short positions are negative."""

    symbol: str
    side: Annotated[Literal["long", "short", "flat"], Word]
    quantity: Decimal
    cost: Decimal
    """Signed like the quantity, without fees."""
    average_price: Decimal | None
    mark: Decimal | None
    """Last price, of this exchange or of an outside feed, near the base price of its bands."""
    market_value: Decimal
    unrealized_pnl: Decimal
    unrealized_pnl_percent: Decimal | None
    realized_pnl: Decimal
    """Of all trades in the symbol so far, without fees."""
    opened_at: datetime
    updated_at: datetime
    sequence: int


class PortfolioView(Model):
    """The whole account, valued at marks of the same moment."""

    account_id: str
    kind: Annotated[Literal["cash", "margin"], Word]
    state: Annotated[Literal["active", "reduce_only", "suspended", "closed"], Word]
    currency: str
    cash: Decimal
    reserved: Decimal
    """What open orders may need beyond the positions, in the worst case."""
    market_value: Decimal
    """Sum of quantity x mark, shorts negative."""
    gross_exposure: Decimal
    """Sum of |quantity| x mark."""
    equity: Decimal
    """cash + market_value."""
    buying_power: Decimal
    withdrawable: Decimal
    maintenance_margin: Decimal
    """The account is liquidated when its equity falls below this. 0: it is not."""
    unrealized_pnl: Decimal
    realized_pnl: Decimal
    day_pnl: Decimal | None
    """Equity now minus equity at the start of the session, without transfers."""
    fees_paid: Decimal
    open_orders: int
    positions: list[PositionView]
    sequence: int
    """The journal record that changed the account last."""


class PositionsView(Model):
    """All open positions (an account holds at most 256)."""

    items: list[PositionView]
    next_cursor: str | None = None


class QuoteUpdate(Model):
    """Best bid and ask, and the last price, after one of them changed; null where there is none."""

    type: Literal["quote"]
    id: str | None
    """The place in the stream; null: this is the current state, which is not part of it."""
    symbol: str
    bid: Decimal | None
    bid_quantity: Decimal | None
    ask: Decimal | None
    ask_quantity: Decimal | None
    last: Decimal | None
    last_quantity: Decimal | None
    last_at: datetime | None
    halted: bool
    sequence: int
    at: datetime | None


class QuoteView(Model):
    """Best bid and ask, and the last price; null where there is none."""

    symbol: str
    bid: Decimal | None
    bid_quantity: Decimal | None
    ask: Decimal | None
    ask_quantity: Decimal | None
    last: Decimal | None
    last_quantity: Decimal | None
    last_at: datetime | None
    halted: bool
    sequence: int
    at: datetime | None


class QuotesView(Model):
    """Quotes of several symbols, all as of the same sequence."""

    items: list[QuoteView]
    next_cursor: str | None = None
    unknown_symbols: list[str] = []
    """Requested symbols that are not traded here, each cut to 32 characters."""


class Replayed(Model):
    """A dead letter that its handler has now accepted: it is no longer listed."""

    id: int
    function: str


class RiskCheckView(Model):
    """Whether the engine would accept this order now, and what it would reserve."""

    admitted: bool
    reason: str | None = None
    message: str | None = None
    field: str | None = None
    reserve: Decimal | None = None
    """Buying power that it would reserve."""
    reserve_price: Decimal | None = None
    reference_price: Decimal | None = None
    buying_power: Decimal | None = None


class SessionView(Model):
    """A session that was started by a login."""

    id: str
    started_at: datetime
    last_used_at: datetime
    """When its tokens were last renewed."""
    address: str | None
    """Of the last renewal."""
    user_agent: str | None
    is_current: bool
    """Whether it is the session of this request."""


class SessionsView(Model):
    """All sessions of the user that have not ended."""

    items: list[SessionView]
    next_cursor: None = None


class StatementPositionView(Model):
    """A position at the end of the period, at the last price before it."""

    symbol: str
    quantity: Decimal
    cost: Decimal
    price: Decimal | None
    value: Decimal


class StatementView(Model):
    """A day or a month (UTC) of an account."""

    account_id: str
    period: str
    start: datetime
    end: datetime
    complete: bool
    """Whether the period is over."""
    opening_equity: Decimal
    closing_equity: Decimal
    opening_cash: Decimal
    closing_cash: Decimal
    transfers: Decimal
    """Deposits minus withdrawals."""
    profit: Decimal
    fees: Decimal
    income: Decimal
    """Dividends and cash in lieu."""
    transactions: list[TransactionView]
    closed_trades: list[ClosedTradeView]
    positions: list[StatementPositionView]


class Subscribed(Model):
    """All subscriptions of the connection. Messages that were missed come before it."""

    type: Literal["subscribed"]
    subscriptions: dict[str, list[str]]
    """The symbols of each channel; an account channel (orders, fills) has none."""
    unknown_symbols: list[str]
    """Requested symbols that are not traded here."""
    last: str
    """The new subscriptions have everything after it: the first value of `since`."""
    reply_to: str | int | None = None
    """The id of the client message that this responds to."""


class TokenPair(Model):
    """An access token (a JWT, see jwks) and a refresh token, which returns the next pair once."""

    access_token: str
    refresh_token: str
    expires_in: int
    """Seconds until the access token expires."""
    token_type: Literal["bearer"] = "bearer"


class TradeUpdate(Model):
    """A trade on this exchange, or a print of the outside market."""

    type: Literal["trade"]
    id: str
    """Command of the journal, index: the place in the stream."""
    symbol: str
    source: Annotated[Literal["exchange", "outside"], Word]
    price: Decimal
    quantity: Decimal
    aggressor: Annotated[Literal["buy", "sell"], Word] | None
    """Side of the taker; null for outside prints."""
    trade_id: int | None
    at: datetime


class TradingHalt(Model):
    """Whether a symbol trades."""

    symbol: str
    halted: bool


class UserView(Model):
    """The user of this request."""

    user_id: str
    email: str
    username: str
    account_id: str
    status: Annotated[Literal["pending", "active", "disabled"], Word]
    """pending: the account is being opened; a login completes it."""
    created_at: datetime


class Welcome(Model):
    """The first message of a connection."""

    type: Literal["welcome"]
    channels: list[str]
    at: datetime


class StopLoss(Model):
    """The leg that limits the loss: a stop, or with limit_price a stop-limit order."""

    stop_price: Amount
    """Decimal string or JSON number with at most nine decimals. Both are read exactly."""
    limit_price: Amount | None = None


class TakeProfit(Model):
    """The leg that sells higher (or buys lower) than the entry: a limit order."""

    limit_price: Amount
    """Decimal string or JSON number with at most nine decimals. Both are read exactly."""


MESSAGES: dict[str, type[Model]] = {
    "welcome": Welcome,
    "quote": QuoteUpdate,
    "trade": TradeUpdate,
    "bar": BarUpdate,
    "book": BookUpdate,
    "order": OrderUpdate,
    "fill": FillUpdate,
    "gap": Gap,
    "error": Error,
    "authenticated": Authenticated,
    "subscribed": Subscribed,
    "pong": Pong,
    "heartbeat": Heartbeat,
}
"""The messages of the WebSocket by `type`."""
