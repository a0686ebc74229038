"""The bodies of Alpaca's Trading API. Amounts are decimal strings, times RFC 3339.

Fields that Alpaca removed in 2026 (`pattern_day_trader`, `daytrade_count` and others) are kept with values
that mean nothing, because older clients require them and newer ones ignore them.
"""

from typing import Any, Literal, NotRequired

from typing_extensions import TypedDict

OrderStatus = Literal[
    "new", "partially_filled", "filled", "canceled", "expired", "replaced", "rejected", "held", "accepted"
]
AssetClass = Literal["us_equity", "crypto"]


class ErrorBody(TypedDict):
    code: int
    message: str


"""The two fields that every error has; more may stand beside them."""


class Order(TypedDict):
    id: str
    client_order_id: str
    created_at: str
    updated_at: str
    submitted_at: str
    filled_at: str | None
    expired_at: str | None
    expires_at: NotRequired[str]
    canceled_at: str | None
    failed_at: str | None
    replaced_at: str | None
    replaced_by: str | None
    replaces: str | None
    asset_id: str
    symbol: str
    asset_class: AssetClass
    notional: str | None
    qty: str | None
    filled_qty: str
    filled_avg_price: str | None
    order_class: str
    order_type: str
    type: str
    side: str
    time_in_force: str
    limit_price: str | None
    stop_price: str | None
    status: OrderStatus
    extended_hours: bool
    legs: list[dict[str, Any]] | None
    trail_percent: str | None
    trail_price: str | None
    hwm: str | None
    reject_reason: str | None
    source: None
    subtag: None


class Account(TypedDict):
    """`GET /v2/account`."""

    id: str
    account_number: str
    status: str
    crypto_status: str
    currency: str
    buying_power: str
    regt_buying_power: str
    daytrading_buying_power: str
    effective_buying_power: str
    non_marginable_buying_power: str
    bod_dtbp: str
    cash: str
    accrued_fees: str
    pending_transfer_in: str
    pending_transfer_out: str
    portfolio_value: str
    pattern_day_trader: bool
    trading_blocked: bool
    transfers_blocked: bool
    account_blocked: bool
    created_at: str
    trade_suspended_by_user: bool
    multiplier: str
    shorting_enabled: bool
    equity: str
    last_equity: str
    long_market_value: str
    short_market_value: str
    position_market_value: str
    initial_margin: str
    maintenance_margin: str
    last_maintenance_margin: str
    sma: str
    daytrade_count: int
    balance_asof: str
    crypto_tier: int
    intraday_adjustments: str
    options_approved_level: int
    options_trading_level: int
    options_buying_power: str
    pending_reg_taf_fees: str


class Position(TypedDict):
    """One open position."""

    asset_id: str
    symbol: str
    exchange: str
    asset_class: AssetClass
    asset_marginable: bool
    avg_entry_price: str
    qty: str
    qty_available: str
    side: Literal["long", "short"]
    market_value: str
    cost_basis: str
    unrealized_pl: str
    unrealized_plpc: str
    unrealized_intraday_pl: str
    unrealized_intraday_plpc: str
    current_price: str
    lastday_price: str
    change_today: str


Asset = TypedDict(
    "Asset",
    {
        "id": str,
        "class": AssetClass,
        "exchange": str,
        "symbol": str,
        "name": str,
        "status": Literal["active", "inactive"],
        "tradable": bool,
        "marginable": bool,
        "shortable": bool,
        "easy_to_borrow": bool,
        "borrow_status": NotRequired[str],
        "fractionable": bool,
        "maintenance_margin_requirement": float,
        "margin_requirement_long": str,
        "margin_requirement_short": str,
        "min_order_size": str,
        "min_trade_increment": str,
        "price_increment": str,
        "attributes": list[str],
    },
)


class Configuration(TypedDict):
    """`GET /v2/account/configurations`."""

    dtbp_check: str
    pdt_check: str
    fractional_trading: bool
    max_margin_multiplier: str
    no_shorting: bool
    suspend_trade: bool
    trade_confirm_email: str
    ptp_no_exception_entry: bool
    max_options_trading_level: int
    disable_overnight_trading: bool
    wash_trade_guard: bool


class Clock(TypedDict):
    """`GET /v2/clock`."""

    timestamp: str
    is_open: bool
    next_open: str
    next_close: str


class CalendarDay(TypedDict):
    """One trading day; hours are New York's."""

    date: str
    open: str
    close: str
    session_open: str
    session_close: str
    settlement_date: str


class CanceledOrder(TypedDict):
    """One order of a request that cancels all."""

    id: str
    status: int
    body: dict[str, Any] | None


class ClosedPosition(TypedDict):
    """One position of a request that closes all."""

    symbol: str
    status: int
    body: dict[str, Any]


class History(TypedDict):
    """`GET /v2/account/portfolio/history`: numbers, not strings."""

    timestamp: list[int]
    equity: list[float]
    profit_loss: list[float]
    profit_loss_pct: list[float]
    base_value: float
    base_value_asof: NotRequired[str]
    timeframe: str
    cashflow: dict[str, list[float]]


class Watchlist(TypedDict):
    """A watchlist; lists of watchlists have no assets."""

    id: str
    account_id: str
    created_at: str
    updated_at: str
    name: str
    assets: list[Asset] | None
