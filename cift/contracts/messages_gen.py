# Written by `make generate` from the codec in rust_core/crates/python. Do not edit.
"""The messages between Python and the engine: commands, events, records, results, queries, published ones.

Prices, quantities and money are int nanos (1e-9 of a unit) in everything that `cift_core.wire` decodes, and
decimal strings in the answers to queries. Times are int nanoseconds since the Unix epoch, ids are UUIDs in
lower case.

Keys of commands that are NotRequired may be absent in a command that is sent. A decoded command has every key
but `idempotency_key`, of which only the digests in `request` travel. Messages are immutable: build a new one.

Loading this module takes several milliseconds, so import it for type checking only. names_gen has the names
that are needed at run time.
"""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypeAlias, final

from typing_extensions import ReadOnly, TypedDict

from cift.contracts.names_gen import (
    AccountKind,
    AccountRole,
    AccountState,
    CashKind,
    CloseReason,
    OrderKind,
    OrderStatus,
    PositionKind,
    Refusal,
    SelfTradePrevention,
    Side,
)

TimeInForce: TypeAlias = Literal["day", "gtc", "ioc", "fok"] | tuple[Literal["gtd"], int]
Trail: TypeAlias = tuple[Literal["amount"], int] | tuple[Literal["ppm"], int]


class Request(TypedDict):
    """The digests of an idempotency key and of the command's body, 32 hex digits each."""

    key: ReadOnly[str]
    body: ReadOnly[str]


class Envelope(TypedDict):
    """What every command may carry: 32 and 16 hex digits of a trace, the time (ns) after which matchd
    refuses it."""

    trace_id: ReadOnly[NotRequired[str | None]]
    span_id: ReadOnly[NotRequired[str | None]]
    expires_at: ReadOnly[NotRequired[int | None]]
    client_order_id: ReadOnly[NotRequired[str | None]]


class IdempotentEnvelope(Envelope):
    """A command that is done once however often it is sent with the same key."""

    idempotency_key: ReadOnly[NotRequired[str | None]]
    request: ReadOnly[NotRequired[Request | None]]


class OutsideSide(TypedDict):
    """One side of an outside quote; quantity 0: no order on that side."""

    price: ReadOnly[int]
    quantity: ReadOnly[int]


class TakeProfit(TypedDict):
    """The leg that takes the profit: a limit order."""

    order: ReadOnly[str]
    limit_price: ReadOnly[int]


class StopLoss(TypedDict):
    """The leg that limits the loss: a stop, or with limit_price a stop-limit order."""

    order: ReadOnly[str]
    stop_price: ReadOnly[int]
    limit_price: ReadOnly[NotRequired[int | None]]


class Legs(TypedDict):
    """The exit legs of a bracket (both) or of an OTO (one of them)."""

    take_profit: ReadOnly[NotRequired[TakeProfit | None]]
    stop_loss: ReadOnly[NotRequired[StopLoss | None]]


class Limits(TypedDict):
    """The limits of an account. None: no limit of that kind."""

    max_order_quantity: ReadOnly[NotRequired[int | None]]
    max_order_notional: ReadOnly[NotRequired[int | None]]
    max_position: ReadOnly[NotRequired[int | None]]
    max_open_orders: ReadOnly[int]
    max_orders_per_second: ReadOnly[int]
    max_daily_loss: ReadOnly[NotRequired[int | None]]
    leverage_percent: ReadOnly[int]


@final
class Bracket(TypedDict):
    """An order with two exit legs."""

    bracket: ReadOnly[Legs]


@final
class Oto(TypedDict):
    """An order with one exit leg."""

    oto: ReadOnly[Legs]


@final
class Oco(TypedDict):
    """A limit order that takes the profit, beside a stop that limits the loss."""

    oco: ReadOnly[StopLoss]


OrderClass: TypeAlias = Literal["simple"] | Bracket | Oto | Oco


class SetRules(Envelope):
    """The command `set_rules`."""

    type: ReadOnly[Literal["set_rules"]]
    version: ReadOnly[int]


class EnableFormat(Envelope):
    """The command `enable_format`."""

    type: ReadOnly[Literal["enable_format"]]
    format: ReadOnly[int]


class DefineFeed(Envelope):
    """The command `define_feed`."""

    type: ReadOnly[Literal["define_feed"]]
    feed: ReadOnly[int]
    house: ReadOnly[str]
    silence_ns: ReadOnly[int]


class SetFees(Envelope):
    """The command `set_fees`."""

    type: ReadOnly[Literal["set_fees"]]
    maker_ppm: ReadOnly[int]
    taker_ppm: ReadOnly[int]


class SetMargin(Envelope):
    """The command `set_margin`."""

    type: ReadOnly[Literal["set_margin"]]
    insurance: ReadOnly[str]
    maintenance_percent: ReadOnly[int]
    interval_ns: ReadOnly[int]


class SetSession(Envelope):
    """The command `set_session`."""

    type: ReadOnly[Literal["set_session"]]
    session: ReadOnly[int]
    closes_at: ReadOnly[NotRequired[int | None]]


class Halt(Envelope):
    """The command `halt`."""

    type: ReadOnly[Literal["halt"]]
    symbol: ReadOnly[str]


class Resume(Envelope):
    """The command `resume`."""

    type: ReadOnly[Literal["resume"]]
    symbol: ReadOnly[str]


class Split(Envelope):
    """The command `split`."""

    type: ReadOnly[Literal["split"]]
    symbol: ReadOnly[str]
    numerator: ReadOnly[int]
    denominator: ReadOnly[int]


class Dividend(Envelope):
    """The command `dividend`."""

    type: ReadOnly[Literal["dividend"]]
    symbol: ReadOnly[str]
    amount: ReadOnly[int]


class OpenAccount(Envelope):
    """The command `open_account`."""

    type: ReadOnly[Literal["open_account"]]
    account: ReadOnly[str]
    kind: ReadOnly[AccountKind]
    role: ReadOnly[AccountRole]
    currency: ReadOnly[str]


class Deposit(IdempotentEnvelope):
    """The command `deposit`."""

    type: ReadOnly[Literal["deposit"]]
    account: ReadOnly[str]
    transfer: ReadOnly[str]
    amount: ReadOnly[int]


class Withdraw(IdempotentEnvelope):
    """The command `withdraw`."""

    type: ReadOnly[Literal["withdraw"]]
    account: ReadOnly[str]
    transfer: ReadOnly[str]
    amount: ReadOnly[int]


class ResetAccount(IdempotentEnvelope):
    """The command `reset_account`."""

    type: ReadOnly[Literal["reset_account"]]
    account: ReadOnly[str]
    transfer: ReadOnly[str]
    cash: ReadOnly[int]


class SetLimits(Envelope):
    """The command `set_limits`."""

    type: ReadOnly[Literal["set_limits"]]
    account: ReadOnly[str]
    limits: ReadOnly[Limits]


class SetAccountState(Envelope):
    """The command `set_account_state`."""

    type: ReadOnly[Literal["set_account_state"]]
    account: ReadOnly[str]
    state: ReadOnly[AccountState]


class CancelOrder(IdempotentEnvelope):
    """The command `cancel_order`."""

    type: ReadOnly[Literal["cancel_order"]]
    account: ReadOnly[str]
    order: ReadOnly[str]


class CancelAll(IdempotentEnvelope):
    """The command `cancel_all`."""

    type: ReadOnly[Literal["cancel_all"]]
    account: ReadOnly[str]
    symbol: ReadOnly[NotRequired[str | None]]


class OutsideQuote(Envelope):
    """The command `outside_quote`."""

    type: ReadOnly[Literal["outside_quote"]]
    feed: ReadOnly[int]
    source_sequence: ReadOnly[int]
    symbol: ReadOnly[str]
    bid: ReadOnly[OutsideSide]
    ask: ReadOnly[OutsideSide]


class OutsideTrade(Envelope):
    """The command `outside_trade`."""

    type: ReadOnly[Literal["outside_trade"]]
    feed: ReadOnly[int]
    source_sequence: ReadOnly[int]
    symbol: ReadOnly[str]
    price: ReadOnly[int]
    quantity: ReadOnly[int]


class DefineInstrument(Envelope):
    """The command `define_instrument`."""

    type: ReadOnly[Literal["define_instrument"]]
    symbol: ReadOnly[str]
    currency: ReadOnly[str]
    tick: ReadOnly[int]
    lot: ReadOnly[int]
    band_ppm: ReadOnly[int]
    collar_ppm: ReadOnly[int]


_PlaceOrder_class = TypedDict("_PlaceOrder_class", {"class": ReadOnly[NotRequired[OrderClass]]})


class PlaceOrder(IdempotentEnvelope, _PlaceOrder_class):
    """The command `place_order`."""

    type: ReadOnly[Literal["place_order"]]
    account: ReadOnly[str]
    order: ReadOnly[str]
    symbol: ReadOnly[str]
    side: ReadOnly[Side]
    kind: ReadOnly[OrderKind]
    time_in_force: ReadOnly[NotRequired[TimeInForce]]
    quantity: ReadOnly[int]
    limit_price: ReadOnly[NotRequired[int | None]]
    stop_price: ReadOnly[NotRequired[int | None]]
    trail: ReadOnly[NotRequired[Trail | None]]
    display_quantity: ReadOnly[NotRequired[int | None]]
    post_only: ReadOnly[NotRequired[bool]]
    reduce_only: ReadOnly[NotRequired[bool]]
    self_trade_prevention: ReadOnly[NotRequired[SelfTradePrevention]]


class ReplaceOrder(IdempotentEnvelope):
    """The command `replace_order`."""

    type: ReadOnly[Literal["replace_order"]]
    account: ReadOnly[str]
    order: ReadOnly[str]
    quantity: ReadOnly[NotRequired[int | None]]
    limit_price: ReadOnly[NotRequired[int | None]]
    stop_price: ReadOnly[NotRequired[int | None]]
    trail: ReadOnly[NotRequired[Trail | None]]


class StartEngine(Envelope):
    """The command `engine_started`."""

    type: ReadOnly[Literal["engine_started"]]
    epoch: ReadOnly[int]


class AdvanceTime(Envelope):
    """The command `advance_time`."""

    type: ReadOnly[Literal["advance_time"]]


class Continue(Envelope):
    """The command `continue`."""

    type: ReadOnly[Literal["continue"]]


Command: TypeAlias = (
    SetRules
    | EnableFormat
    | DefineFeed
    | SetFees
    | SetMargin
    | SetSession
    | Halt
    | Resume
    | Split
    | Dividend
    | OpenAccount
    | Deposit
    | Withdraw
    | ResetAccount
    | SetLimits
    | SetAccountState
    | CancelOrder
    | CancelAll
    | OutsideQuote
    | OutsideTrade
    | DefineInstrument
    | PlaceOrder
    | ReplaceOrder
)
JournalCommand: TypeAlias = Command | StartEngine | AdvanceTime | Continue


class FillSide(TypedDict):
    """One side of a trade, with what it left behind: of the order, of the account's cash and of its
    position."""

    order: ReadOnly[str]
    account: ReadOnly[str]
    fee: ReadOnly[int]
    filled: ReadOnly[int]
    leaves: ReadOnly[int]
    filled_notional: ReadOnly[int]
    cash: ReadOnly[int]
    position: ReadOnly[int]
    cost: ReadOnly[int]
    realized: ReadOnly[int]


class OrderSummary(TypedDict):
    """An order as a command left it."""

    order: ReadOnly[str]
    status: ReadOnly[OrderStatus]
    reason: ReadOnly[CloseReason | None]
    quantity: ReadOnly[int]
    filled: ReadOnly[int]
    filled_notional: ReadOnly[int]


class FirstResult(TypedDict):
    """The first result of a request that was repeated."""

    sequence: ReadOnly[int]
    at: ReadOnly[int]
    order: ReadOnly[OrderSummary | None]
    affected: ReadOnly[int]
    refusal: ReadOnly[Refusal | None]


class EngineStarted(TypedDict):
    """The event `engine_started`."""

    type: ReadOnly[Literal["engine_started"]]
    epoch: ReadOnly[int]


class RulesSet(TypedDict):
    """The event `rules_set`."""

    type: ReadOnly[Literal["rules_set"]]
    version: ReadOnly[int]


class FormatEnabled(TypedDict):
    """The event `format_enabled`."""

    type: ReadOnly[Literal["format_enabled"]]
    format: ReadOnly[int]


class FeedDefined(TypedDict):
    """The event `feed_defined`."""

    type: ReadOnly[Literal["feed_defined"]]
    feed: ReadOnly[int]
    house: ReadOnly[str]
    silence_ns: ReadOnly[int]


class FeesSet(TypedDict):
    """The event `fees_set`."""

    type: ReadOnly[Literal["fees_set"]]
    maker_ppm: ReadOnly[int]
    taker_ppm: ReadOnly[int]


class MarginSet(TypedDict):
    """The event `margin_set`."""

    type: ReadOnly[Literal["margin_set"]]
    insurance: ReadOnly[str]
    maintenance_percent: ReadOnly[int]
    interval_ns: ReadOnly[int]


class MarginCalled(TypedDict):
    """The event `margin_called`."""

    type: ReadOnly[Literal["margin_called"]]
    account: ReadOnly[str]
    equity: ReadOnly[int]
    requirement: ReadOnly[int]


class SessionSet(TypedDict):
    """The event `session_set`."""

    type: ReadOnly[Literal["session_set"]]
    session: ReadOnly[int]
    closes_at: ReadOnly[int | None]


class SessionClosed(TypedDict):
    """The event `session_closed`."""

    type: ReadOnly[Literal["session_closed"]]
    session: ReadOnly[int]


class Halted(TypedDict):
    """The event `halted`."""

    type: ReadOnly[Literal["halted"]]
    symbol: ReadOnly[str]


class Resumed(TypedDict):
    """The event `resumed`."""

    type: ReadOnly[Literal["resumed"]]
    symbol: ReadOnly[str]


class SplitApplied(TypedDict):
    """The event `split_applied`."""

    type: ReadOnly[Literal["split_applied"]]
    symbol: ReadOnly[str]
    numerator: ReadOnly[int]
    denominator: ReadOnly[int]


class AccountOpened(TypedDict):
    """The event `account_opened`."""

    type: ReadOnly[Literal["account_opened"]]
    account: ReadOnly[str]
    kind: ReadOnly[AccountKind]
    role: ReadOnly[AccountRole]
    currency: ReadOnly[str]


class LimitsSet(TypedDict):
    """The event `limits_set`."""

    type: ReadOnly[Literal["limits_set"]]
    account: ReadOnly[str]
    limits: ReadOnly[Limits]


class AccountStateSet(TypedDict):
    """The event `account_state_set`."""

    type: ReadOnly[Literal["account_state_set"]]
    account: ReadOnly[str]
    state: ReadOnly[AccountState]


class CashMoved(TypedDict):
    """The event `cash_moved`."""

    type: ReadOnly[Literal["cash_moved"]]
    account: ReadOnly[str]
    transfer: ReadOnly[str]
    kind: ReadOnly[CashKind]
    amount: ReadOnly[int]
    cash: ReadOnly[int]


class PositionMoved(TypedDict):
    """The event `position_moved`."""

    type: ReadOnly[Literal["position_moved"]]
    account: ReadOnly[str]
    symbol: ReadOnly[str]
    kind: ReadOnly[PositionKind]
    position: ReadOnly[int]
    cost: ReadOnly[int]


class Refused(TypedDict):
    """The event `refused`."""

    type: ReadOnly[Literal["refused"]]
    reason: ReadOnly[Refusal]


class OrderActivated(TypedDict):
    """The event `order_activated`."""

    type: ReadOnly[Literal["order_activated"]]
    order: ReadOnly[str]
    account: ReadOnly[str]
    status: ReadOnly[OrderStatus]
    quantity: ReadOnly[int]


class OrderAdjusted(TypedDict):
    """The event `order_adjusted`."""

    type: ReadOnly[Literal["order_adjusted"]]
    order: ReadOnly[str]
    account: ReadOnly[str]
    quantity: ReadOnly[int]
    stop_price: ReadOnly[int | None]


class OrderReplaced(TypedDict):
    """The event `order_replaced`."""

    type: ReadOnly[Literal["order_replaced"]]
    order: ReadOnly[str]
    account: ReadOnly[str]
    quantity: ReadOnly[int]
    limit_price: ReadOnly[int | None]
    stop_price: ReadOnly[int | None]
    trail: ReadOnly[Trail | None]


class OrderClosed(TypedDict):
    """The event `order_closed`."""

    type: ReadOnly[Literal["order_closed"]]
    order: ReadOnly[str]
    account: ReadOnly[str]
    status: ReadOnly[OrderStatus]
    reason: ReadOnly[CloseReason]


class TradeExecuted(TypedDict):
    """The event `trade_executed`."""

    type: ReadOnly[Literal["trade_executed"]]
    trade: ReadOnly[int]
    symbol: ReadOnly[str]
    price: ReadOnly[int]
    quantity: ReadOnly[int]
    aggressor: ReadOnly[Side]
    maker: ReadOnly[FillSide]
    taker: ReadOnly[FillSide]


class OutsideTraded(TypedDict):
    """The event `outside_traded`."""

    type: ReadOnly[Literal["outside_traded"]]
    feed: ReadOnly[int]
    symbol: ReadOnly[str]
    price: ReadOnly[int]
    quantity: ReadOnly[int]


class FeedWithdrawn(TypedDict):
    """The event `feed_withdrawn`."""

    type: ReadOnly[Literal["feed_withdrawn"]]
    feed: ReadOnly[int]


class LevelChanged(TypedDict):
    """The event `level_changed`."""

    type: ReadOnly[Literal["level_changed"]]
    symbol: ReadOnly[str]
    side: ReadOnly[Side]
    price: ReadOnly[int]
    quantity: ReadOnly[int]
    orders: ReadOnly[int]


class InstrumentDefined(TypedDict):
    """The event `instrument_defined`."""

    type: ReadOnly[Literal["instrument_defined"]]
    symbol: ReadOnly[str]
    currency: ReadOnly[str]
    tick: ReadOnly[int]
    lot: ReadOnly[int]
    band_ppm: ReadOnly[int]
    collar_ppm: ReadOnly[int]


class OrderAccepted(TypedDict):
    """The event `order_accepted`."""

    type: ReadOnly[Literal["order_accepted"]]
    order: ReadOnly[str]
    account: ReadOnly[str]
    symbol: ReadOnly[str]
    side: ReadOnly[Side]
    kind: ReadOnly[OrderKind]
    time_in_force: ReadOnly[TimeInForce]
    quantity: ReadOnly[int]
    limit_price: ReadOnly[int | None]
    stop_price: ReadOnly[int | None]
    trail: ReadOnly[Trail | None]
    display_quantity: ReadOnly[int | None]
    post_only: ReadOnly[bool]
    reduce_only: ReadOnly[bool]
    self_trade_prevention: ReadOnly[SelfTradePrevention]
    parent: ReadOnly[str | None]
    status: ReadOnly[OrderStatus]


Event: TypeAlias = (
    EngineStarted
    | RulesSet
    | FormatEnabled
    | FeedDefined
    | FeesSet
    | MarginSet
    | MarginCalled
    | SessionSet
    | SessionClosed
    | Halted
    | Resumed
    | SplitApplied
    | AccountOpened
    | LimitsSet
    | AccountStateSet
    | CashMoved
    | PositionMoved
    | Refused
    | OrderActivated
    | OrderAdjusted
    | OrderReplaced
    | OrderClosed
    | TradeExecuted
    | OutsideTraded
    | FeedWithdrawn
    | LevelChanged
    | InstrumentDefined
    | OrderAccepted
)


class Result(TypedDict):
    """The reply to one command. `order`: of a command about one order, also where the engine refused to
    place it."""

    status: ReadOnly[Literal["done", "refused", "repeated", "unavailable", "unknown"]]
    reason: ReadOnly[str | None]
    record_sequence: ReadOnly[int]
    command_sequence: ReadOnly[int]
    timestamp: ReadOnly[int]
    order: ReadOnly[OrderSummary | None]
    affected: ReadOnly[int]
    first: ReadOnly[FirstResult | None]


class DoneOutcome(TypedDict):
    """The command was applied. `affected`: orders that cancel_all ended."""

    status: ReadOnly[Literal["done"]]
    order: ReadOnly[OrderSummary | None]
    affected: ReadOnly[int]


class RefusedOutcome(TypedDict):
    """The command changed nothing."""

    status: ReadOnly[Literal["refused"]]
    reason: ReadOnly[Refusal]


class RepeatedOutcome(TypedDict):
    """The same request came before."""

    status: ReadOnly[Literal["repeated"]]
    first: ReadOnly[FirstResult]


Outcome: TypeAlias = DoneOutcome | RefusedOutcome | RepeatedOutcome


class Entry(TypedDict):
    """One command of a record, and what became of it."""

    command: ReadOnly[JournalCommand]
    outcome: ReadOnly[Outcome]
    events: ReadOnly[list[Event]]


class Record(TypedDict):
    """One message of the journal. The hashes are hex digits."""

    format: ReadOnly[int]
    rules: ReadOnly[int]
    epoch: ReadOnly[int]
    previous_hash: ReadOnly[str]
    state_hash: ReadOnly[str | None]
    timestamp: ReadOnly[int]
    first_command: ReadOnly[int]
    entries: ReadOnly[list[Entry]]


class Origin(TypedDict):
    """The journal record that an item comes from, and its place among the items of one command."""

    sequence: ReadOnly[int]
    index: ReadOnly[int]
    timestamp: ReadOnly[int]


class TradeMessage(Origin):
    """A trade, decoded; `trade` 0: a print of an outside feed."""

    symbol: ReadOnly[str]
    trade: ReadOnly[int]
    feed: ReadOnly[int]
    price: ReadOnly[int]
    quantity: ReadOnly[int]
    aggressor: ReadOnly[Side]


class FillMessage(Origin):
    """One side of a trade, decoded, with the position after it and the profit without fees."""

    account: ReadOnly[str]
    order: ReadOnly[str]
    symbol: ReadOnly[str]
    trade: ReadOnly[int]
    side: ReadOnly[Side]
    maker: ReadOnly[bool]
    price: ReadOnly[int]
    quantity: ReadOnly[int]
    fee: ReadOnly[int]
    filled: ReadOnly[int]
    leaves: ReadOnly[int]
    filled_notional: ReadOnly[int]
    cash: ReadOnly[int]
    position: ReadOnly[int]
    cost: ReadOnly[int]
    realized: ReadOnly[int]


class PositionMessage(Origin):
    """A position after a record, decoded."""

    account: ReadOnly[str]
    symbol: ReadOnly[str]
    quantity: ReadOnly[int]
    cost: ReadOnly[int]
    realized: ReadOnly[int]


class BarMessage(Origin):
    """One minute of trades on this exchange, decoded; `turnover` in units of 1e-18."""

    symbol: ReadOnly[str]
    start: ReadOnly[int]
    open: ReadOnly[int]
    high: ReadOnly[int]
    low: ReadOnly[int]
    close: ReadOnly[int]
    volume: ReadOnly[int]
    turnover: ReadOnly[int]
    trades: ReadOnly[int]


class CashMessage(Origin):
    """A movement of cash, decoded."""

    account: ReadOnly[str]
    transfer: ReadOnly[str]
    kind: ReadOnly[CashKind]
    amount: ReadOnly[int]
    cash: ReadOnly[int]


class QuoteMessage(Origin):
    """A quote, decoded; None: no order on that side, or no trade yet."""

    symbol: ReadOnly[str]
    bid: ReadOnly[int | None]
    bid_quantity: ReadOnly[int | None]
    ask: ReadOnly[int | None]
    ask_quantity: ReadOnly[int | None]
    last: ReadOnly[int | None]
    last_quantity: ReadOnly[int | None]
    last_at: ReadOnly[int | None]
    halted: ReadOnly[bool]


class BookLevelChange(TypedDict):
    """A level after a record; quantity 0: gone."""

    side: ReadOnly[Side]
    price: ReadOnly[int]
    quantity: ReadOnly[int]
    orders: ReadOnly[int]


class BookDeltaMessage(Origin):
    """A change of a book, decoded: the levels that one record changed."""

    symbol: ReadOnly[str]
    changes: ReadOnly[list[BookLevelChange]]
    checksum: ReadOnly[int | None]


class BookSnapshotMessage(TypedDict):
    """A whole book, best level first; a level is (price, quantity, orders)."""

    sequence: ReadOnly[int]
    timestamp: ReadOnly[int]
    symbol: ReadOnly[str]
    bids: ReadOnly[list[tuple[int, int, int]]]
    asks: ReadOnly[list[tuple[int, int, int]]]


class OrderTermsMessage(TypedDict):
    """The terms of an order that never change; `legs` are the ids of the legs of an entry, take-profit
    first."""

    symbol: ReadOnly[str]
    side: ReadOnly[Side]
    kind: ReadOnly[OrderKind]
    time_in_force: ReadOnly[TimeInForce]
    display_quantity: ReadOnly[int | None]
    post_only: ReadOnly[bool]
    reduce_only: ReadOnly[bool]
    self_trade_prevention: ReadOnly[SelfTradePrevention]
    parent: ReadOnly[str | None]
    client_order_id: ReadOnly[str | None]
    order_class: ReadOnly[Literal["simple", "bracket", "oto", "oco"]]
    legs: ReadOnly[list[str]]


class OrderMessage(Origin):
    """An order after a change, decoded; `terms` is None but for `accepted` and `refused`."""

    account: ReadOnly[str]
    order: ReadOnly[str]
    status: ReadOnly[OrderStatus]
    reason: ReadOnly[CloseReason | None]
    refusal: ReadOnly[Refusal | None]
    quantity: ReadOnly[int]
    filled: ReadOnly[int]
    filled_notional: ReadOnly[int]
    limit_price: ReadOnly[int | None]
    stop_price: ReadOnly[int | None]
    trail: ReadOnly[Trail | None]
    change: ReadOnly[Literal["accepted", "activated", "adjusted", "replaced", "closed", "filled", "refused"]]
    terms: ReadOnly[OrderTermsMessage | None]


class SignalMessage(TypedDict):
    """A payload of SIGNALS, decoded; value is -1e9 (short) to 1e9 (long), confidence 0 to 1e9."""

    timestamp: ReadOnly[int]
    symbol: ReadOnly[str]
    model: ReadOnly[str]
    value: ReadOnly[int]
    confidence: ReadOnly[int]
    horizon_ns: ReadOnly[int]


class UpdateMessage(TypedDict):
    """A message of UPDATES; `previous` and `last` are the last ids of the update before it and of it."""

    record: ReadOnly[int]
    timestamp: ReadOnly[int]
    previous: ReadOnly[tuple[int, int]]
    last: ReadOnly[tuple[int, int]]
    items: ReadOnly[list[tuple[str, int, int, bytes]]]


class NoParameters(TypedDict):
    """A query without parameters: {}."""


class BookWanted(TypedDict):
    """A book, of at most 1000 levels a side; depth is 10 unless given."""

    symbol: ReadOnly[str]
    depth: ReadOnly[NotRequired[int]]


class SizedOrder(TypedDict):
    """An order without its quantity."""

    account: ReadOnly[str]
    symbol: ReadOnly[str]
    side: ReadOnly[Side]
    kind: ReadOnly[OrderKind]
    limit_price: ReadOnly[NotRequired[int | None]]
    stop_price: ReadOnly[NotRequired[int | None]]
    trail: ReadOnly[NotRequired[Trail | None]]


class AccountQuery(TypedDict):
    """Returns AccountAnswer."""

    account: ReadOnly[str]


class AccountSequenceQuery(TypedDict):
    """Returns AccountSequenceAnswer."""

    account_sequence: ReadOnly[str]


class OrderQuery(TypedDict):
    """Returns OrderAnswer."""

    order: ReadOnly[str]


class QuoteQuery(TypedDict):
    """Returns QuoteAnswer. At most 500 symbols."""

    quote: ReadOnly[Sequence[str]]


class BookQuery(TypedDict):
    """Returns BookAnswer."""

    book: ReadOnly[BookWanted]


class InstrumentsQuery(TypedDict):
    """Returns InstrumentsAnswer."""

    instruments: ReadOnly[NoParameters]


class FeedsQuery(TypedDict):
    """Returns FeedsAnswer."""

    feeds: ReadOnly[NoParameters]


class CheckQuery(TypedDict):
    """Returns CheckAnswer."""

    check: ReadOnly[PlaceOrder]


class MaxOrderSizeQuery(TypedDict):
    """Returns MaxOrderSizeAnswer."""

    max_order_size: ReadOnly[SizedOrder]


class StatusQuery(TypedDict):
    """Returns StatusAnswer."""

    status: ReadOnly[NoParameters]


Query: TypeAlias = (
    AccountQuery
    | AccountSequenceQuery
    | OrderQuery
    | QuoteQuery
    | BookQuery
    | InstrumentsQuery
    | FeedsQuery
    | CheckQuery
    | MaxOrderSizeQuery
    | StatusQuery
)


class AccountLimits(TypedDict):
    """Limits of an account; null: no limit of that kind."""

    max_order_quantity: ReadOnly[str | None]
    max_order_notional: ReadOnly[str | None]
    max_position: ReadOnly[str | None]
    max_open_orders: ReadOnly[int]
    max_orders_per_second: ReadOnly[int]
    max_daily_loss: ReadOnly[str | None]
    leverage_percent: ReadOnly[int]


class Account(TypedDict):
    """An account, valued at the last prices."""

    id: ReadOnly[str]
    kind: ReadOnly[AccountKind]
    role: ReadOnly[AccountRole]
    state: ReadOnly[AccountState]
    currency: ReadOnly[str]
    cash: ReadOnly[str]
    reserved: ReadOnly[str]
    equity: ReadOnly[str]
    gross: ReadOnly[str]
    buying_power: ReadOnly[str]
    withdrawable: ReadOnly[str]
    daily_loss_baseline: ReadOnly[str]
    open_orders: ReadOnly[int]
    maintenance_margin: ReadOnly[str]
    limits: ReadOnly[AccountLimits]


class HeldPosition(TypedDict):
    """A position of an account; mark is the price that values it (R2.12)."""

    symbol: ReadOnly[str]
    quantity: ReadOnly[str]
    cost: ReadOnly[str]
    mark: ReadOnly[str | None]
    open_buys: ReadOnly[str]
    open_sells: ReadOnly[str]


class AccountAnswer(TypedDict):
    """Answer to AccountQuery; sequence is the journal record that changed the account last."""

    account: ReadOnly[Account]
    positions: ReadOnly[list[HeldPosition]]
    sequence: ReadOnly[int]


class AccountSequenceAnswer(TypedDict):
    """Answer to AccountSequenceQuery: the journal record that changed the account last."""

    sequence: ReadOnly[int]


class OrderAnswer(TypedDict):
    """Answer to OrderQuery: an open order."""

    order: ReadOnly[str]
    status: ReadOnly[OrderStatus]
    reason: ReadOnly[CloseReason | None]
    quantity: ReadOnly[str]
    filled: ReadOnly[str]
    filled_notional: ReadOnly[str]
    sequence: ReadOnly[int]


class Quote(TypedDict):
    """Best prices and last print of a symbol; null where there is none. last_at is in ns."""

    symbol: ReadOnly[str]
    bid: ReadOnly[str | None]
    bid_quantity: ReadOnly[str | None]
    ask: ReadOnly[str | None]
    ask_quantity: ReadOnly[str | None]
    last: ReadOnly[str | None]
    last_quantity: ReadOnly[str | None]
    last_at: ReadOnly[int | None]
    halted: ReadOnly[bool]


class QuoteAnswer(TypedDict):
    """Answer to QuoteQuery, in the order of the query; at is the time of the last record in ns."""

    quotes: ReadOnly[list[Quote]]
    sequence: ReadOnly[int]
    at: ReadOnly[int]


class BookAnswer(TypedDict):
    """Answer to BookQuery, best level first; the checksum covers the best ten levels a side."""

    symbol: ReadOnly[str]
    bids: ReadOnly[list[tuple[str, str, int]]]
    asks: ReadOnly[list[tuple[str, str, int]]]
    sequence: ReadOnly[int]
    at: ReadOnly[int]
    checksum: ReadOnly[int]


class ListedInstrument(TypedDict):
    """An instrument as it trades now."""

    symbol: ReadOnly[str]
    currency: ReadOnly[str]
    tick: ReadOnly[str]
    lot: ReadOnly[str]
    band_ppm: ReadOnly[int]
    collar_ppm: ReadOnly[int]
    halted: ReadOnly[bool]


class InstrumentsAnswer(TypedDict):
    """Answer to InstrumentsQuery."""

    instruments: ReadOnly[list[ListedInstrument]]
    sequence: ReadOnly[int]


class Feed(TypedDict):
    """A feed of outside prices. alive_at: its last message in ns; null: it is silent, or never sent
    anything."""

    feed: ReadOnly[int]
    silence_ns: ReadOnly[int]
    alive_at: ReadOnly[int | None]


class FeedsAnswer(TypedDict):
    """Answer to FeedsQuery; closed: between sessions."""

    feeds: ReadOnly[list[Feed]]
    closed: ReadOnly[bool]
    sequence: ReadOnly[int]
    at: ReadOnly[int]


class CheckAdmitted(TypedDict):
    """Answer to CheckQuery where the engine would accept the order."""

    admitted: ReadOnly[Literal[True]]
    reserve: ReadOnly[str]
    reserve_price: ReadOnly[str]
    buying_power: ReadOnly[str]
    reference: ReadOnly[str | None]
    sequence: ReadOnly[int]


class CheckRefused(TypedDict):
    """Answer to CheckQuery where the engine would refuse the order."""

    admitted: ReadOnly[Literal[False]]
    reason: ReadOnly[Refusal]
    sequence: ReadOnly[int]


class MaxOrderSizeAnswer(TypedDict):
    """Answer to MaxOrderSizeQuery; quantity is "0" where no quantity would be accepted."""

    quantity: ReadOnly[str]
    sequence: ReadOnly[int]


class StatusAnswer(TypedDict):
    """Answer to StatusQuery."""

    epoch: ReadOnly[int]
    sequence: ReadOnly[int]
    command_sequence: ReadOnly[int]
    timestamp: ReadOnly[int]
    rules: ReadOnly[int]
    instruments: ReadOnly[int]
    accounts: ReadOnly[int]
    orders: ReadOnly[int]
    journal_bytes: ReadOnly[int]
    journal_max_bytes: ReadOnly[int]
    pending: ReadOnly[int]


CheckAnswer: TypeAlias = CheckAdmitted | CheckRefused
Answer: TypeAlias = (
    AccountAnswer
    | AccountSequenceAnswer
    | OrderAnswer
    | QuoteAnswer
    | BookAnswer
    | InstrumentsAnswer
    | FeedsAnswer
    | CheckAnswer
    | MaxOrderSizeAnswer
    | StatusAnswer
)


class QueryError(TypedDict):
    """The reply to a query that has no answer. error is a Refusal or "invalid_query"."""

    error: ReadOnly[str]
    message: ReadOnly[str]
    symbol: ReadOnly[NotRequired[str]]
