# Written by `make generate` from functions/{openapi,asyncapi}.gen.json. Do not edit.
"""The operations of the HTTP API, for both clients."""

from collections.abc import AsyncIterator, Iterator
from typing import Literal

from cift_client.calls import UNSET, Call, Unset, segment
from cift_client.model import Amount, Time
from cift_client.models_gen import (
    AccountLimits,
    AdminAccount,
    AdminUser,
    ApiKeyView,
    ApiKeyViewPage,
    BarView,
    BarViewPage,
    BookView,
    BuyingPowerView,
    CalendarView,
    CanceledView,
    ClockView,
    ClosedTradeView,
    ClosedTradeViewPage,
    CorporateAction,
    CreatedApiKey,
    DeadLetterView,
    DeadLetterViewPage,
    ExecutionView,
    ExecutionViewPage,
    FillView,
    FillViewPage,
    Health,
    HistoryView,
    Index,
    InstrumentDetails,
    InstrumentTerms,
    Jwks,
    MaxOrderSizeView,
    Me,
    OrderFlowView,
    OrderFlowViewPage,
    OrderView,
    OrderViewPage,
    PerformanceView,
    PortfolioView,
    PositionsView,
    PositionView,
    QuotesView,
    QuoteView,
    Replayed,
    RiskCheckView,
    SessionsView,
    SpreadView,
    SpreadViewPage,
    StatementView,
    StopLoss,
    SymbolView,
    SymbolViewPage,
    TakeProfit,
    TokenPair,
    TradeView,
    TradeViewPage,
    TradingHalt,
    TransactionView,
    TransactionViewPage,
    UserView,
    VolumeAtPriceView,
    VolumeAtPriceViewPage,
)
from cift_client.transport import AsyncTransport, Transport


class Admin:
    """The operations of `admin`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def add_instrument(
        self,
        *,
        symbol: str,
        name: str | None = None,
        calendar: str | None = None,
        currency: str | None = None,
        tick: Amount | None = None,
        lot: Amount | None = None,
        band_percent: Amount | None = None,
        collar_percent: Amount | None = None,
    ) -> InstrumentTerms:
        """List an instrument: it can be traded as soon as this is answered.

        A repetition with equal terms changes nothing; its name and calendar are set.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/admin/instruments",
                body={
                    "symbol": symbol,
                    "name": name,
                    "calendar": calendar,
                    "currency": currency,
                    "tick": tick,
                    "lot": lot,
                    "band_percent": band_percent,
                    "collar_percent": collar_percent,
                },
            ),
            InstrumentTerms,
        )

    def edit_account(
        self,
        account_id: str,
        *,
        state: Literal["active", "reduce_only", "suspended", "closed"] | Unset | None = UNSET,
        limits: AccountLimits | Unset | None = UNSET,
    ) -> AdminAccount:
        """Set the state and the limits of an account.

        An account that a TradingAccount resource manages is refused (`managed_account`): edit the
        resource.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call(
                "PATCH",
                f"/api/v1/admin/accounts/{segment(account_id)}",
                body={"state": state, "limits": limits},
            ),
            AdminAccount,
        )

    def edit_instrument(
        self, symbol: str, *, name: str | Unset | None = UNSET, calendar: str | Unset | None = UNSET
    ) -> InstrumentDetails:
        """Set an instrument's name and trading calendar.

        A field that is absent stays as it is; null restores its default.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call(
                "PATCH",
                f"/api/v1/admin/instruments/{segment(symbol)}",
                body={"name": name, "calendar": calendar},
            ),
            InstrumentDetails,
        )

    def edit_user(self, user: str, *, status: Literal["active", "disabled"]) -> AdminUser:
        """Disable a user, or enable it again. `user` is the user's id, username or email.

        Disabling ends all access at once: sessions, API keys and open connections. Orders and
        positions stay; set the state of the account to stop them.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call("PATCH", f"/api/v1/admin/users/{segment(user)}", body={"status": status}), AdminUser
        )

    def halt_instrument(self, symbol: str) -> TradingHalt:
        """Halt trading in a symbol.

        New orders are refused, open orders may be cancelled, and quotes of outside feeds are
        withdrawn.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call("POST", f"/api/v1/admin/instruments/{segment(symbol)}/halt"), TradingHalt
        )

    def list_dead_letters(
        self, *, function: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> DeadLetterViewPage:
        """List dead letters, oldest first: events that a function rejected permanently.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/admin/dead-letters",
                query={"function": function, "limit": limit, "cursor": cursor},
            ),
            DeadLetterViewPage,
        )

    def each_of_dead_letters(self, *, function: str | None = None) -> Iterator[DeadLetterView]:
        """All items of `list_dead_letters`, from as many pages as needed."""
        for page in self._transport.pages(
            Call("GET", "/api/v1/admin/dead-letters", query={"function": function, "limit": None}),
            DeadLetterViewPage,
        ):
            yield from page.items

    def pay_dividend(self, symbol: str, *, amount: Amount) -> CorporateAction:
        """Pay a cash dividend: it is credited to longs and charged to shorts, and adjusted bars are
        corrected.

        `amount` is per share, in the instrument's currency. Today is the ex-dividend day.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call("POST", f"/api/v1/admin/instruments/{segment(symbol)}/dividend", body={"amount": amount}),
            CorporateAction,
        )

    def replay_dead_letter(self, id: str) -> Replayed:
        """Deliver a dead letter to its function again, and to no other.

        If the function accepts the event, the dead letter is removed.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call("POST", f"/api/v1/admin/dead-letters/{segment(id)}/replay"), Replayed
        )

    def resume_instrument(self, symbol: str) -> TradingHalt:
        """Resume trading in a halted symbol.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call("POST", f"/api/v1/admin/instruments/{segment(symbol)}/resume"), TradingHalt
        )

    def split_instrument(self, symbol: str, *, numerator: int, denominator: int) -> CorporateAction:
        """Split an instrument from now on: positions, last price, and the factors of adjusted bars.

        `numerator` new shares replace `denominator` old ones. A forward split adjusts open orders,
        a reverse split cancels them.

        Needs the scope `admin`.
        """
        return self._transport.model(
            Call(
                "POST",
                f"/api/v1/admin/instruments/{segment(symbol)}/split",
                body={"numerator": numerator, "denominator": denominator},
            ),
            CorporateAction,
        )


class Auth:
    """The operations of `auth`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def change_password(
        self, *, current_password: str, new_password: str, revoke_api_keys: bool | None = None
    ) -> None:
        """Change the password. All other sessions of the user end at once.

        `revoke_api_keys` also revokes the user's API keys. The current password is required.

        Needs an access token.
        """
        self._transport.nothing(
            Call(
                "PUT",
                "/api/v1/auth/password",
                body={
                    "current_password": current_password,
                    "new_password": new_password,
                    "revoke_api_keys": revoke_api_keys,
                },
            )
        )

    def create_api_key(
        self,
        *,
        name: str,
        scopes: list[Literal["read", "trade", "funds"]] | None = None,
        expires_at: str | None = None,
    ) -> CreatedApiKey:
        """Create an API key.

        Only this response contains the key. A user has at most 100 keys (`too_many_api_keys`).

        Needs the scope `keys`.
        """
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/auth/api-keys",
                body={"name": name, "scopes": scopes, "expires_at": expires_at},
            ),
            CreatedApiKey,
        )

    def end_session(self, id: str) -> None:
        """End one of your sessions. Its tokens and its open connections end at once.

        Needs an access token.
        """
        self._transport.nothing(Call("DELETE", f"/api/v1/auth/sessions/{segment(id)}"))

    def jwks(self) -> Jwks:
        """The public keys that verify access tokens (RFC 7517)."""
        return self._transport.model(Call("GET", "/api/v1/auth/jwks"), Jwks)

    def list_api_keys(self, *, limit: int | None = None, cursor: str | None = None) -> ApiKeyViewPage:
        """List your API keys, newest first, without their secrets. Revoked keys are included.

        Needs the scope `keys`.
        """
        return self._transport.model(
            Call("GET", "/api/v1/auth/api-keys", query={"limit": limit, "cursor": cursor}), ApiKeyViewPage
        )

    def each_of_api_keys(self) -> Iterator[ApiKeyView]:
        """All items of `list_api_keys`, from as many pages as needed."""
        for page in self._transport.pages(
            Call("GET", "/api/v1/auth/api-keys", query={"limit": None}), ApiKeyViewPage
        ):
            yield from page.items

    def list_sessions(self) -> SessionsView:
        """List your sessions: when they began, and from where they were last used.

        Needs an access token.
        """
        return self._transport.model(Call("GET", "/api/v1/auth/sessions"), SessionsView)

    def log_out_everywhere(self, *, api_keys: bool | None = None) -> None:
        """End all your sessions, including this one. Their tokens and open connections end at once.

        `api_keys=true` also revokes all your API keys.

        Needs an access token.
        """
        self._transport.nothing(Call("DELETE", "/api/v1/auth/sessions", query={"api_keys": api_keys}))

    def login(self, *, password: str, username: str | None = None, email: str | None = None) -> TokenPair:
        """Log in with username or email, and password.

        Returns an access token and a refresh token. `invalid_login` does not distinguish an unknown
        user from a wrong password.
        """
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/auth/login",
                body={"username": username, "email": email, "password": password},
            ),
            TokenPair,
        )

    def logout(self, *, refresh_token: str | None = None) -> None:
        """Log out: revoke the access token and end its session.

        A refresh token in the body ends the session that it belongs to as well.

        Needs an access token.
        """
        self._transport.nothing(Call("POST", "/api/v1/auth/logout", body={"refresh_token": refresh_token}))

    def me(self) -> Me:
        """The user that the request's credential belongs to, with its scopes.

        Needs the scope `read`.
        """
        return self._transport.model(Call("GET", "/api/v1/auth/me"), Me)

    def refresh(self, *, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for a new access token and a new refresh token.

        A refresh token works once. A second use ends the session (`refresh_token_reused`).
        """
        return self._transport.model(
            Call("POST", "/api/v1/auth/refresh", body={"refresh_token": refresh_token}), TokenPair
        )

    def register(self, *, email: str, username: str, password: str) -> UserView:
        """Register a user with a margin account of 100,000 USD of paper money."""
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/auth/register",
                body={"email": email, "username": username, "password": password},
            ),
            UserView,
        )

    def request_password_reset(self, *, email: str) -> None:
        """Have a token for a new password sent to an e-mail address.

        The response is the same whether a user has this address or not. A user gets at most three
        such mails an hour.
        """
        self._transport.nothing(Call("POST", "/api/v1/auth/password/forgotten", body={"email": email}))

    def reset_password(self, *, token: str, new_password: str, revoke_api_keys: bool | None = None) -> None:
        """Set a new password with a token from a mail. All sessions of the user end."""
        self._transport.nothing(
            Call(
                "POST",
                "/api/v1/auth/password/reset",
                body={"token": token, "new_password": new_password, "revoke_api_keys": revoke_api_keys},
            )
        )

    def revoke_api_key(self, id: str) -> None:
        """Revoke an API key, immediately and permanently.

        Needs the scope `keys`.
        """
        self._transport.nothing(Call("DELETE", f"/api/v1/auth/api-keys/{segment(id)}"))

    def verify_email(self, *, token: str) -> None:
        """Verify an e-mail address with the token from a mail. Where the exchange sends e-mail, a
        login needs it.
        """
        self._transport.nothing(Call("POST", "/api/v1/auth/email/verify", body={"token": token}))


class History:
    """The operations of `history`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get_history(
        self,
        symbol: str,
        *,
        kind: Literal["trades", "quotes"] | None = None,
        format: Literal["json", "csv", "parquet"] | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
        limit: int | None = None,
    ) -> bytes:
        """Ticks of a symbol, oldest first, as a stream of JSON, CSV or Parquet."""
        return self._transport.content(
            Call(
                "GET",
                f"/api/v1/market-data/history/{segment(symbol)}",
                query={
                    "kind": kind,
                    "format": format,
                    "start": start,
                    "end": end,
                    "feed": feed,
                    "limit": limit,
                },
            )
        )

    def get_order_flow(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> OrderFlowViewPage:
        """Order-flow imbalance, by interval.

        Oldest first; without `start` the last `limit` intervals of the day before `end`.
        """
        return self._transport.model(
            Call(
                "GET",
                f"/api/v1/analytics/order-flow/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "feed": feed,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            OrderFlowViewPage,
        )

    def each_of_order_flow(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
    ) -> Iterator[OrderFlowView]:
        """All items of `get_order_flow`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/analytics/order-flow/{segment(symbol)}",
                query={"interval": interval, "start": start, "end": end, "feed": feed, "limit": None},
            ),
            OrderFlowViewPage,
        ):
            yield from page.items

    def get_spreads(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> SpreadViewPage:
        """Spread and sizes of the best quote, by interval.

        Oldest first; without `start` the last `limit` intervals of the day before `end`.
        """
        return self._transport.model(
            Call(
                "GET",
                f"/api/v1/analytics/spread/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "feed": feed,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            SpreadViewPage,
        )

    def each_of_spreads(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
    ) -> Iterator[SpreadView]:
        """All items of `get_spreads`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/analytics/spread/{segment(symbol)}",
                query={"interval": interval, "start": start, "end": end, "feed": feed, "limit": None},
            ),
            SpreadViewPage,
        ):
            yield from page.items

    def get_volume_profile(
        self,
        symbol: str,
        *,
        step: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> VolumeAtPriceViewPage:
        """Volume by price band, lowest price first."""
        return self._transport.model(
            Call(
                "GET",
                f"/api/v1/analytics/volume-profile/{segment(symbol)}",
                query={
                    "step": step,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            VolumeAtPriceViewPage,
        )

    def each_of_volume_profile(
        self,
        symbol: str,
        *,
        step: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
    ) -> Iterator[VolumeAtPriceView]:
        """All items of `get_volume_profile`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/analytics/volume-profile/{segment(symbol)}",
                query={
                    "step": step,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "limit": None,
                },
            ),
            VolumeAtPriceViewPage,
        ):
            yield from page.items

    def list_bars(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
        session: Literal["all", "regular", "extended"] | None = None,
        adjusted: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> BarViewPage:
        """Bars of a symbol, oldest first. Without `start`: the last ones.

        With a tick store: of all feeds, in any interval. Without one: from the trades in
        PostgreSQL, in few intervals.
        """
        return self._transport.model(
            Call(
                "GET",
                f"/api/v1/market-data/bars/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "session": session,
                    "adjusted": adjusted,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            BarViewPage,
        )

    def each_of_bars(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
        session: Literal["all", "regular", "extended"] | None = None,
        adjusted: bool | None = None,
    ) -> Iterator[BarView]:
        """All items of `list_bars`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/market-data/bars/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "session": session,
                    "adjusted": adjusted,
                    "limit": None,
                },
            ),
            BarViewPage,
        ):
            yield from page.items

    def list_executions(self, *, limit: int | None = None, cursor: str | None = None) -> ExecutionViewPage:
        """The account's fills compared with the market, newest first: effective spread, and slippage
        since arrival.

        Fills are archived with a short delay; the newest ones may be missing.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call("GET", "/api/v1/analytics/executions", query={"limit": limit, "cursor": cursor}),
            ExecutionViewPage,
        )

    def each_of_executions(self) -> Iterator[ExecutionView]:
        """All items of `list_executions`, from as many pages as needed."""
        for page in self._transport.pages(
            Call("GET", "/api/v1/analytics/executions", query={"limit": None}), ExecutionViewPage
        ):
            yield from page.items


class MarketData:
    """The operations of `market_data`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def get_book(self, symbol: str, *, depth: int | None = None) -> BookView:
        """The visible book of a symbol, best prices first, from the engine."""
        return self._transport.model(
            Call("GET", f"/api/v1/market-data/book/{segment(symbol)}", query={"depth": depth}), BookView
        )

    def get_calendar(
        self, *, calendar: str | None = None, start: Time | None = None, end: Time | None = None
    ) -> CalendarView:
        """The trading days and hours of an exchange.

        Days are in the exchange's own zone; holidays and weekends are left out, half days have
        their own close.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/market-data/calendar",
                query={"calendar": calendar, "start": start, "end": end},
            ),
            CalendarView,
        )

    def get_clock(self, *, calendar: str | None = None) -> ClockView:
        """The time, whether this exchange is open, and the hours of the exchanges whose calendars it
        knows.
        """
        return self._transport.model(
            Call("GET", "/api/v1/market-data/clock", query={"calendar": calendar}), ClockView
        )

    def get_quote(self, symbol: str) -> QuoteView:
        """The best bid and ask and the last price of a symbol.

        Without a credential the quote may come from a cache and be up to one second old. With a
        credential it comes from the engine, so that callers see the effect of their own last order.
        """
        return self._transport.model(Call("GET", f"/api/v1/market-data/quote/{segment(symbol)}"), QuoteView)

    def list_quotes(self, *, symbols: str) -> QuotesView:
        """Quotes of several symbols, all of the same moment.

        Unknown symbols are listed in `unknown_symbols`. 404 only if none of the requested symbols
        is known.
        """
        return self._transport.model(
            Call("GET", "/api/v1/market-data/quotes", query={"symbols": symbols}), QuotesView
        )

    def list_symbols(
        self, *, query: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> SymbolViewPage:
        """List the instruments of the exchange, by symbol."""
        return self._transport.model(
            Call(
                "GET", "/api/v1/market-data/symbols", query={"query": query, "limit": limit, "cursor": cursor}
            ),
            SymbolViewPage,
        )

    def each_of_symbols(self, *, query: str | None = None) -> Iterator[SymbolView]:
        """All items of `list_symbols`, from as many pages as needed."""
        for page in self._transport.pages(
            Call("GET", "/api/v1/market-data/symbols", query={"query": query, "limit": None}), SymbolViewPage
        ):
            yield from page.items

    def list_trades(
        self,
        symbol: str,
        *,
        source: Literal["exchange", "outside", "all"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> TradeViewPage:
        """List the trades of a symbol, newest first.

        With a credential the list is complete up to the caller's own last command.
        """
        return self._transport.model(
            Call(
                "GET",
                f"/api/v1/market-data/trades/{segment(symbol)}",
                query={"source": source, "limit": limit, "cursor": cursor},
            ),
            TradeViewPage,
        )

    def each_of_trades(
        self, symbol: str, *, source: Literal["exchange", "outside", "all"] | None = None
    ) -> Iterator[TradeView]:
        """All items of `list_trades`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/market-data/trades/{segment(symbol)}",
                query={"source": source, "limit": None},
            ),
            TradeViewPage,
        ):
            yield from page.items


class Platform:
    """The operations of `platform`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def health(self) -> Health:
        """Liveness: this process answers. No store is queried."""
        return self._transport.model(Call("GET", "/health"), Health)

    def index(self) -> Index:
        """Name, version and links of this service."""
        return self._transport.model(Call("GET", "/api/v1"), Index)


class Portfolio:
    """The operations of `portfolio`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def buying_power(self) -> BuyingPowerView:
        """Cash, equity and buying power of the account, from the engine.

        Needs the scope `read`.
        """
        return self._transport.model(Call("GET", "/api/v1/trading/account/buying-power"), BuyingPowerView)

    def deposit(self, *, amount: Amount, idempotency_key: str | None = None) -> TransactionView:
        """Deposit paper money.

        Needs the scope `funds`.
        """
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/account/deposit",
                body={"amount": amount},
                keyed=True,
                key=idempotency_key,
            ),
            TransactionView,
        )

    def export_statement(self, period: str, *, format: Literal["csv", "html"] | None = None) -> bytes:
        """The statement of a day or a month as a file: CSV, or an HTML page that browsers print as
        PDF.

        Needs the scope `read`.
        """
        return self._transport.content(
            Call("GET", f"/api/v1/trading/statements/{segment(period)}/file", query={"format": format})
        )

    def get_history(
        self,
        *,
        interval: Literal["1m", "5m", "15m", "1h", "1d"] | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> HistoryView:
        """The equity of the account over time, with profit and drawdown, from its first day.

        Computed from the ledger and the tape. `interval` is 1m, 5m, 15m, 1h or 1d; at most 5,000
        points.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/portfolio/history",
                query={"interval": interval, "start": start, "end": end},
            ),
            HistoryView,
        )

    def get_performance(
        self,
        *,
        start: Time | None = None,
        end: Time | None = None,
        method: Literal["average", "fifo"] | None = None,
        days_per_year: int | None = None,
        risk_free_percent: float | None = None,
    ) -> PerformanceView:
        """Return, risk and outcomes of the account's trades: as a whole, per symbol and per day.

        Return, volatility, Sharpe, Sortino, drawdown, exposure, turnover, win rate, profit factor.
        Days are UTC.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/portfolio/performance",
                query={
                    "start": start,
                    "end": end,
                    "method": method,
                    "days_per_year": days_per_year,
                    "risk_free_percent": risk_free_percent,
                },
            ),
            PerformanceView,
        )

    def get_portfolio(self) -> PortfolioView:
        """The account with its positions, valued by the engine, with realised profit and fees paid.

        Needs the scope `read`.
        """
        return self._transport.model(Call("GET", "/api/v1/trading/portfolio"), PortfolioView)

    def get_position(self, symbol: str) -> PositionView:
        """The position in one symbol, at its mark.

        A closed position shows its realised profit. `position_not_found` if the account never held
        the symbol.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call("GET", f"/api/v1/trading/positions/{segment(symbol)}"), PositionView
        )

    def get_statement(self, period: str) -> StatementView:
        """The statement of a day (`2026-11-30`) or a month (`2026-11`): equity, cash, fees, trades,
        positions.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call("GET", f"/api/v1/trading/statements/{segment(period)}"), StatementView
        )

    def list_closed_trades(
        self,
        *,
        method: Literal["average", "fifo"] | None = None,
        symbol: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> ClosedTradeViewPage:
        """List the closed trades of the account, newest first: entry, exit, profit, fees, time held.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/closed-trades",
                query={"method": method, "symbol": symbol, "limit": limit, "cursor": cursor},
            ),
            ClosedTradeViewPage,
        )

    def each_of_closed_trades(
        self, *, method: Literal["average", "fifo"] | None = None, symbol: str | None = None
    ) -> Iterator[ClosedTradeView]:
        """All items of `list_closed_trades`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/closed-trades",
                query={"method": method, "symbol": symbol, "limit": None},
            ),
            ClosedTradeViewPage,
        ):
            yield from page.items

    def list_positions(self) -> PositionsView:
        """List the open positions of the account at their marks.

        Needs the scope `read`.
        """
        return self._transport.model(Call("GET", "/api/v1/trading/positions"), PositionsView)

    def list_transactions(
        self,
        *,
        kind: Literal["deposit", "withdrawal", "reset", "dividend", "cash_in_lieu", "liquidation", "deficit"]
        | Literal["trade", "fee"]
        | None = None,
        transfer_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> TransactionViewPage:
        """List the changes of the account's cash, newest first: transfers, trades, fees and dividends.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/transactions",
                query={
                    "kind": kind,
                    "transfer_id": transfer_id,
                    "start": start,
                    "end": end,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            TransactionViewPage,
        )

    def each_of_transactions(
        self,
        *,
        kind: Literal["deposit", "withdrawal", "reset", "dividend", "cash_in_lieu", "liquidation", "deficit"]
        | Literal["trade", "fee"]
        | None = None,
        transfer_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> Iterator[TransactionView]:
        """All items of `list_transactions`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/transactions",
                query={"kind": kind, "transfer_id": transfer_id, "start": start, "end": end, "limit": None},
            ),
            TransactionViewPage,
        ):
            yield from page.items

    def reset_account(
        self, *, cash: Amount | None = None, idempotency_key: str | None = None
    ) -> TransactionView:
        """Reset the account: cancel all orders, remove all positions and set the cash.

        An account with a limit of its daily loss cannot be reset: the loss of the day would be
        forgotten.

        Needs the scope `funds`.
        """
        return self._transport.model(
            Call(
                "POST", "/api/v1/trading/account/reset", body={"cash": cash}, keyed=True, key=idempotency_key
            ),
            TransactionView,
        )

    def withdraw(self, *, amount: Amount, idempotency_key: str | None = None) -> TransactionView:
        """Withdraw paper money.

        At most the `withdrawable` amount: cash that neither open orders nor positions need
        (`insufficient_cash`).

        Needs the scope `funds`.
        """
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/account/withdraw",
                body={"amount": amount},
                keyed=True,
                key=idempotency_key,
            ),
            TransactionView,
        )


class Trading:
    """The operations of `trading`."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def cancel_all(self, *, symbol: str | None = None, idempotency_key: str | None = None) -> CanceledView:
        """Cancel all open orders of the account, or those in one symbol. Returns how many.

        Needs the scope `trade`.
        """
        return self._transport.model(
            Call(
                "DELETE", "/api/v1/trading/orders", query={"symbol": symbol}, keyed=True, key=idempotency_key
            ),
            CanceledView,
        )

    def cancel_order(self, order_id: str, *, idempotency_key: str | None = None) -> OrderView:
        """Cancel an open order. Returns the order in its final state.

        Needs the scope `trade`.
        """
        return self._transport.model(
            Call("DELETE", f"/api/v1/trading/orders/{segment(order_id)}", keyed=True, key=idempotency_key),
            OrderView,
        )

    def check_risk(
        self,
        *,
        symbol: str,
        side: Literal["buy", "sell"],
        type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"],
        quantity: Amount,
        time_in_force: Literal["day", "gtc", "ioc", "fok", "gtd"] | None = None,
        limit_price: Amount | None = None,
        stop_price: Amount | None = None,
        trail_amount: Amount | None = None,
        trail_percent: Amount | None = None,
        display_quantity: Amount | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        self_trade_prevention: Literal["cancel_newest", "cancel_oldest", "cancel_both", "none"] | None = None,
        expire_at: Time | None = None,
        client_order_id: str | None = None,
        order_class: Literal["simple", "bracket", "oco", "oto"] | None = None,
        take_profit: TakeProfit | None = None,
        stop_loss: StopLoss | None = None,
    ) -> RiskCheckView:
        """Check whether the engine would admit an order now, and what it would reserve. Nothing is
        placed.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/risk/check",
                body={
                    "symbol": symbol,
                    "side": side,
                    "type": type,
                    "quantity": quantity,
                    "time_in_force": time_in_force,
                    "limit_price": limit_price,
                    "stop_price": stop_price,
                    "trail_amount": trail_amount,
                    "trail_percent": trail_percent,
                    "display_quantity": display_quantity,
                    "post_only": post_only,
                    "reduce_only": reduce_only,
                    "self_trade_prevention": self_trade_prevention,
                    "expire_at": expire_at,
                    "client_order_id": client_order_id,
                    "order_class": order_class,
                    "take_profit": take_profit,
                    "stop_loss": stop_loss,
                },
            ),
            RiskCheckView,
        )

    def close_position(
        self, symbol: str, *, quantity: Amount | None = None, idempotency_key: str | None = None
    ) -> OrderView:
        """Close a position, or a `quantity` of it, by a market order that can only reduce it.

        A repeated Idempotency-Key returns the order of the first request in its present state.

        Needs the scope `trade`.
        """
        return self._transport.model(
            Call(
                "DELETE",
                f"/api/v1/trading/positions/{segment(symbol)}",
                query={"quantity": quantity},
                keyed=True,
                key=idempotency_key,
            ),
            OrderView,
        )

    def get_order(self, order_id: str) -> OrderView:
        """One order with its current state.

        Needs the scope `read`.
        """
        return self._transport.model(Call("GET", f"/api/v1/trading/orders/{segment(order_id)}"), OrderView)

    def list_fills(
        self,
        *,
        order_id: str | None = None,
        symbol: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> FillViewPage:
        """List the fills of the account, newest first.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/fills",
                query={
                    "order_id": order_id,
                    "symbol": symbol,
                    "start": start,
                    "end": end,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            FillViewPage,
        )

    def each_of_fills(
        self,
        *,
        order_id: str | None = None,
        symbol: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> Iterator[FillView]:
        """All items of `list_fills`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/fills",
                query={"order_id": order_id, "symbol": symbol, "start": start, "end": end, "limit": None},
            ),
            FillViewPage,
        ):
            yield from page.items

    def list_orders(
        self,
        *,
        status: Literal["open", "closed", "all"] | None = None,
        symbol: str | None = None,
        client_order_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> OrderViewPage:
        """List the orders of the account, newest first, with refused orders and legs.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/orders",
                query={
                    "status": status,
                    "symbol": symbol,
                    "client_order_id": client_order_id,
                    "start": start,
                    "end": end,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            OrderViewPage,
        )

    def each_of_orders(
        self,
        *,
        status: Literal["open", "closed", "all"] | None = None,
        symbol: str | None = None,
        client_order_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> Iterator[OrderView]:
        """All items of `list_orders`, from as many pages as needed."""
        for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/orders",
                query={
                    "status": status,
                    "symbol": symbol,
                    "client_order_id": client_order_id,
                    "start": start,
                    "end": end,
                    "limit": None,
                },
            ),
            OrderViewPage,
        ):
            yield from page.items

    def max_order_size(
        self,
        symbol: str,
        *,
        side: Literal["buy", "sell"],
        type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"] | None = None,
        limit_price: Amount | None = None,
        stop_price: Amount | None = None,
    ) -> MaxOrderSizeView:
        """The largest quantity that the engine would admit now; 0 if it would admit none.

        Needs the scope `read`.
        """
        return self._transport.model(
            Call(
                "GET",
                f"/api/v1/trading/risk/max-order-size/{segment(symbol)}",
                query={"side": side, "type": type, "limit_price": limit_price, "stop_price": stop_price},
            ),
            MaxOrderSizeView,
        )

    def place_order(
        self,
        *,
        symbol: str,
        side: Literal["buy", "sell"],
        type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"],
        quantity: Amount,
        time_in_force: Literal["day", "gtc", "ioc", "fok", "gtd"] | None = None,
        limit_price: Amount | None = None,
        stop_price: Amount | None = None,
        trail_amount: Amount | None = None,
        trail_percent: Amount | None = None,
        display_quantity: Amount | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        self_trade_prevention: Literal["cancel_newest", "cancel_oldest", "cancel_both", "none"] | None = None,
        expire_at: Time | None = None,
        client_order_id: str | None = None,
        order_class: Literal["simple", "bracket", "oco", "oto"] | None = None,
        take_profit: TakeProfit | None = None,
        stop_loss: StopLoss | None = None,
        idempotency_key: str | None = None,
    ) -> OrderView:
        """Place an order.

        The order is stored durably in the journal before the response is sent. The response does
        not wait for the read model. A refusal has the reason as its `code`, and the refused order
        is kept: `id` in the response names it.

        Needs the scope `trade`.
        """
        return self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/orders",
                body={
                    "symbol": symbol,
                    "side": side,
                    "type": type,
                    "quantity": quantity,
                    "time_in_force": time_in_force,
                    "limit_price": limit_price,
                    "stop_price": stop_price,
                    "trail_amount": trail_amount,
                    "trail_percent": trail_percent,
                    "display_quantity": display_quantity,
                    "post_only": post_only,
                    "reduce_only": reduce_only,
                    "self_trade_prevention": self_trade_prevention,
                    "expire_at": expire_at,
                    "client_order_id": client_order_id,
                    "order_class": order_class,
                    "take_profit": take_profit,
                    "stop_loss": stop_loss,
                },
                keyed=True,
                key=idempotency_key,
            ),
            OrderView,
        )

    def replace_order(
        self,
        order_id: str,
        *,
        quantity: Amount | Unset | None = UNSET,
        limit_price: Amount | Unset | None = UNSET,
        stop_price: Amount | Unset | None = UNSET,
        trail_amount: Amount | Unset | None = UNSET,
        trail_percent: Amount | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> OrderView:
        """Change the quantity or the prices of an open order.

        Only an order whose quantity alone is reduced keeps its place in the queue.

        Needs the scope `trade`.
        """
        return self._transport.model(
            Call(
                "PATCH",
                f"/api/v1/trading/orders/{segment(order_id)}",
                body={
                    "quantity": quantity,
                    "limit_price": limit_price,
                    "stop_price": stop_price,
                    "trail_amount": trail_amount,
                    "trail_percent": trail_percent,
                },
                keyed=True,
                key=idempotency_key,
            ),
            OrderView,
        )


class Groups:
    """All operations by group."""

    def __init__(self, transport: Transport) -> None:
        self.admin = Admin(transport)
        self.auth = Auth(transport)
        self.history = History(transport)
        self.market_data = MarketData(transport)
        self.platform = Platform(transport)
        self.portfolio = Portfolio(transport)
        self.trading = Trading(transport)


class AsyncAdmin:
    """The operations of `admin`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def add_instrument(
        self,
        *,
        symbol: str,
        name: str | None = None,
        calendar: str | None = None,
        currency: str | None = None,
        tick: Amount | None = None,
        lot: Amount | None = None,
        band_percent: Amount | None = None,
        collar_percent: Amount | None = None,
    ) -> InstrumentTerms:
        """List an instrument: it can be traded as soon as this is answered.

        A repetition with equal terms changes nothing; its name and calendar are set.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/admin/instruments",
                body={
                    "symbol": symbol,
                    "name": name,
                    "calendar": calendar,
                    "currency": currency,
                    "tick": tick,
                    "lot": lot,
                    "band_percent": band_percent,
                    "collar_percent": collar_percent,
                },
            ),
            InstrumentTerms,
        )

    async def edit_account(
        self,
        account_id: str,
        *,
        state: Literal["active", "reduce_only", "suspended", "closed"] | Unset | None = UNSET,
        limits: AccountLimits | Unset | None = UNSET,
    ) -> AdminAccount:
        """Set the state and the limits of an account.

        An account that a TradingAccount resource manages is refused (`managed_account`): edit the
        resource.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call(
                "PATCH",
                f"/api/v1/admin/accounts/{segment(account_id)}",
                body={"state": state, "limits": limits},
            ),
            AdminAccount,
        )

    async def edit_instrument(
        self, symbol: str, *, name: str | Unset | None = UNSET, calendar: str | Unset | None = UNSET
    ) -> InstrumentDetails:
        """Set an instrument's name and trading calendar.

        A field that is absent stays as it is; null restores its default.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call(
                "PATCH",
                f"/api/v1/admin/instruments/{segment(symbol)}",
                body={"name": name, "calendar": calendar},
            ),
            InstrumentDetails,
        )

    async def edit_user(self, user: str, *, status: Literal["active", "disabled"]) -> AdminUser:
        """Disable a user, or enable it again. `user` is the user's id, username or email.

        Disabling ends all access at once: sessions, API keys and open connections. Orders and
        positions stay; set the state of the account to stop them.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call("PATCH", f"/api/v1/admin/users/{segment(user)}", body={"status": status}), AdminUser
        )

    async def halt_instrument(self, symbol: str) -> TradingHalt:
        """Halt trading in a symbol.

        New orders are refused, open orders may be cancelled, and quotes of outside feeds are
        withdrawn.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call("POST", f"/api/v1/admin/instruments/{segment(symbol)}/halt"), TradingHalt
        )

    async def list_dead_letters(
        self, *, function: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> DeadLetterViewPage:
        """List dead letters, oldest first: events that a function rejected permanently.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/admin/dead-letters",
                query={"function": function, "limit": limit, "cursor": cursor},
            ),
            DeadLetterViewPage,
        )

    async def each_of_dead_letters(self, *, function: str | None = None) -> AsyncIterator[DeadLetterView]:
        """All items of `list_dead_letters`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call("GET", "/api/v1/admin/dead-letters", query={"function": function, "limit": None}),
            DeadLetterViewPage,
        ):
            for item in page.items:
                yield item

    async def pay_dividend(self, symbol: str, *, amount: Amount) -> CorporateAction:
        """Pay a cash dividend: it is credited to longs and charged to shorts, and adjusted bars are
        corrected.

        `amount` is per share, in the instrument's currency. Today is the ex-dividend day.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call("POST", f"/api/v1/admin/instruments/{segment(symbol)}/dividend", body={"amount": amount}),
            CorporateAction,
        )

    async def replay_dead_letter(self, id: str) -> Replayed:
        """Deliver a dead letter to its function again, and to no other.

        If the function accepts the event, the dead letter is removed.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call("POST", f"/api/v1/admin/dead-letters/{segment(id)}/replay"), Replayed
        )

    async def resume_instrument(self, symbol: str) -> TradingHalt:
        """Resume trading in a halted symbol.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call("POST", f"/api/v1/admin/instruments/{segment(symbol)}/resume"), TradingHalt
        )

    async def split_instrument(self, symbol: str, *, numerator: int, denominator: int) -> CorporateAction:
        """Split an instrument from now on: positions, last price, and the factors of adjusted bars.

        `numerator` new shares replace `denominator` old ones. A forward split adjusts open orders,
        a reverse split cancels them.

        Needs the scope `admin`.
        """
        return await self._transport.model(
            Call(
                "POST",
                f"/api/v1/admin/instruments/{segment(symbol)}/split",
                body={"numerator": numerator, "denominator": denominator},
            ),
            CorporateAction,
        )


class AsyncAuth:
    """The operations of `auth`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def change_password(
        self, *, current_password: str, new_password: str, revoke_api_keys: bool | None = None
    ) -> None:
        """Change the password. All other sessions of the user end at once.

        `revoke_api_keys` also revokes the user's API keys. The current password is required.

        Needs an access token.
        """
        await self._transport.nothing(
            Call(
                "PUT",
                "/api/v1/auth/password",
                body={
                    "current_password": current_password,
                    "new_password": new_password,
                    "revoke_api_keys": revoke_api_keys,
                },
            )
        )

    async def create_api_key(
        self,
        *,
        name: str,
        scopes: list[Literal["read", "trade", "funds"]] | None = None,
        expires_at: str | None = None,
    ) -> CreatedApiKey:
        """Create an API key.

        Only this response contains the key. A user has at most 100 keys (`too_many_api_keys`).

        Needs the scope `keys`.
        """
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/auth/api-keys",
                body={"name": name, "scopes": scopes, "expires_at": expires_at},
            ),
            CreatedApiKey,
        )

    async def end_session(self, id: str) -> None:
        """End one of your sessions. Its tokens and its open connections end at once.

        Needs an access token.
        """
        await self._transport.nothing(Call("DELETE", f"/api/v1/auth/sessions/{segment(id)}"))

    async def jwks(self) -> Jwks:
        """The public keys that verify access tokens (RFC 7517)."""
        return await self._transport.model(Call("GET", "/api/v1/auth/jwks"), Jwks)

    async def list_api_keys(self, *, limit: int | None = None, cursor: str | None = None) -> ApiKeyViewPage:
        """List your API keys, newest first, without their secrets. Revoked keys are included.

        Needs the scope `keys`.
        """
        return await self._transport.model(
            Call("GET", "/api/v1/auth/api-keys", query={"limit": limit, "cursor": cursor}), ApiKeyViewPage
        )

    async def each_of_api_keys(self) -> AsyncIterator[ApiKeyView]:
        """All items of `list_api_keys`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call("GET", "/api/v1/auth/api-keys", query={"limit": None}), ApiKeyViewPage
        ):
            for item in page.items:
                yield item

    async def list_sessions(self) -> SessionsView:
        """List your sessions: when they began, and from where they were last used.

        Needs an access token.
        """
        return await self._transport.model(Call("GET", "/api/v1/auth/sessions"), SessionsView)

    async def log_out_everywhere(self, *, api_keys: bool | None = None) -> None:
        """End all your sessions, including this one. Their tokens and open connections end at once.

        `api_keys=true` also revokes all your API keys.

        Needs an access token.
        """
        await self._transport.nothing(Call("DELETE", "/api/v1/auth/sessions", query={"api_keys": api_keys}))

    async def login(
        self, *, password: str, username: str | None = None, email: str | None = None
    ) -> TokenPair:
        """Log in with username or email, and password.

        Returns an access token and a refresh token. `invalid_login` does not distinguish an unknown
        user from a wrong password.
        """
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/auth/login",
                body={"username": username, "email": email, "password": password},
            ),
            TokenPair,
        )

    async def logout(self, *, refresh_token: str | None = None) -> None:
        """Log out: revoke the access token and end its session.

        A refresh token in the body ends the session that it belongs to as well.

        Needs an access token.
        """
        await self._transport.nothing(
            Call("POST", "/api/v1/auth/logout", body={"refresh_token": refresh_token})
        )

    async def me(self) -> Me:
        """The user that the request's credential belongs to, with its scopes.

        Needs the scope `read`.
        """
        return await self._transport.model(Call("GET", "/api/v1/auth/me"), Me)

    async def refresh(self, *, refresh_token: str) -> TokenPair:
        """Exchange a refresh token for a new access token and a new refresh token.

        A refresh token works once. A second use ends the session (`refresh_token_reused`).
        """
        return await self._transport.model(
            Call("POST", "/api/v1/auth/refresh", body={"refresh_token": refresh_token}), TokenPair
        )

    async def register(self, *, email: str, username: str, password: str) -> UserView:
        """Register a user with a margin account of 100,000 USD of paper money."""
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/auth/register",
                body={"email": email, "username": username, "password": password},
            ),
            UserView,
        )

    async def request_password_reset(self, *, email: str) -> None:
        """Have a token for a new password sent to an e-mail address.

        The response is the same whether a user has this address or not. A user gets at most three
        such mails an hour.
        """
        await self._transport.nothing(Call("POST", "/api/v1/auth/password/forgotten", body={"email": email}))

    async def reset_password(
        self, *, token: str, new_password: str, revoke_api_keys: bool | None = None
    ) -> None:
        """Set a new password with a token from a mail. All sessions of the user end."""
        await self._transport.nothing(
            Call(
                "POST",
                "/api/v1/auth/password/reset",
                body={"token": token, "new_password": new_password, "revoke_api_keys": revoke_api_keys},
            )
        )

    async def revoke_api_key(self, id: str) -> None:
        """Revoke an API key, immediately and permanently.

        Needs the scope `keys`.
        """
        await self._transport.nothing(Call("DELETE", f"/api/v1/auth/api-keys/{segment(id)}"))

    async def verify_email(self, *, token: str) -> None:
        """Verify an e-mail address with the token from a mail. Where the exchange sends e-mail, a
        login needs it.
        """
        await self._transport.nothing(Call("POST", "/api/v1/auth/email/verify", body={"token": token}))


class AsyncHistory:
    """The operations of `history`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get_history(
        self,
        symbol: str,
        *,
        kind: Literal["trades", "quotes"] | None = None,
        format: Literal["json", "csv", "parquet"] | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
        limit: int | None = None,
    ) -> bytes:
        """Ticks of a symbol, oldest first, as a stream of JSON, CSV or Parquet."""
        return await self._transport.content(
            Call(
                "GET",
                f"/api/v1/market-data/history/{segment(symbol)}",
                query={
                    "kind": kind,
                    "format": format,
                    "start": start,
                    "end": end,
                    "feed": feed,
                    "limit": limit,
                },
            )
        )

    async def get_order_flow(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> OrderFlowViewPage:
        """Order-flow imbalance, by interval.

        Oldest first; without `start` the last `limit` intervals of the day before `end`.
        """
        return await self._transport.model(
            Call(
                "GET",
                f"/api/v1/analytics/order-flow/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "feed": feed,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            OrderFlowViewPage,
        )

    async def each_of_order_flow(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
    ) -> AsyncIterator[OrderFlowView]:
        """All items of `get_order_flow`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/analytics/order-flow/{segment(symbol)}",
                query={"interval": interval, "start": start, "end": end, "feed": feed, "limit": None},
            ),
            OrderFlowViewPage,
        ):
            for item in page.items:
                yield item

    async def get_spreads(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> SpreadViewPage:
        """Spread and sizes of the best quote, by interval.

        Oldest first; without `start` the last `limit` intervals of the day before `end`.
        """
        return await self._transport.model(
            Call(
                "GET",
                f"/api/v1/analytics/spread/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "feed": feed,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            SpreadViewPage,
        )

    async def each_of_spreads(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        feed: str | None = None,
    ) -> AsyncIterator[SpreadView]:
        """All items of `get_spreads`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/analytics/spread/{segment(symbol)}",
                query={"interval": interval, "start": start, "end": end, "feed": feed, "limit": None},
            ),
            SpreadViewPage,
        ):
            for item in page.items:
                yield item

    async def get_volume_profile(
        self,
        symbol: str,
        *,
        step: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> VolumeAtPriceViewPage:
        """Volume by price band, lowest price first."""
        return await self._transport.model(
            Call(
                "GET",
                f"/api/v1/analytics/volume-profile/{segment(symbol)}",
                query={
                    "step": step,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            VolumeAtPriceViewPage,
        )

    async def each_of_volume_profile(
        self,
        symbol: str,
        *,
        step: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
    ) -> AsyncIterator[VolumeAtPriceView]:
        """All items of `get_volume_profile`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/analytics/volume-profile/{segment(symbol)}",
                query={
                    "step": step,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "limit": None,
                },
            ),
            VolumeAtPriceViewPage,
        ):
            for item in page.items:
                yield item

    async def list_bars(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
        session: Literal["all", "regular", "extended"] | None = None,
        adjusted: bool | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> BarViewPage:
        """Bars of a symbol, oldest first. Without `start`: the last ones.

        With a tick store: of all feeds, in any interval. Without one: from the trades in
        PostgreSQL, in few intervals.
        """
        return await self._transport.model(
            Call(
                "GET",
                f"/api/v1/market-data/bars/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "session": session,
                    "adjusted": adjusted,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            BarViewPage,
        )

    async def each_of_bars(
        self,
        symbol: str,
        *,
        interval: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        source: Literal["exchange", "outside", "all"] | None = None,
        feed: str | None = None,
        session: Literal["all", "regular", "extended"] | None = None,
        adjusted: bool | None = None,
    ) -> AsyncIterator[BarView]:
        """All items of `list_bars`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/market-data/bars/{segment(symbol)}",
                query={
                    "interval": interval,
                    "start": start,
                    "end": end,
                    "source": source,
                    "feed": feed,
                    "session": session,
                    "adjusted": adjusted,
                    "limit": None,
                },
            ),
            BarViewPage,
        ):
            for item in page.items:
                yield item

    async def list_executions(
        self, *, limit: int | None = None, cursor: str | None = None
    ) -> ExecutionViewPage:
        """The account's fills compared with the market, newest first: effective spread, and slippage
        since arrival.

        Fills are archived with a short delay; the newest ones may be missing.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call("GET", "/api/v1/analytics/executions", query={"limit": limit, "cursor": cursor}),
            ExecutionViewPage,
        )

    async def each_of_executions(self) -> AsyncIterator[ExecutionView]:
        """All items of `list_executions`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call("GET", "/api/v1/analytics/executions", query={"limit": None}), ExecutionViewPage
        ):
            for item in page.items:
                yield item


class AsyncMarketData:
    """The operations of `market_data`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def get_book(self, symbol: str, *, depth: int | None = None) -> BookView:
        """The visible book of a symbol, best prices first, from the engine."""
        return await self._transport.model(
            Call("GET", f"/api/v1/market-data/book/{segment(symbol)}", query={"depth": depth}), BookView
        )

    async def get_calendar(
        self, *, calendar: str | None = None, start: Time | None = None, end: Time | None = None
    ) -> CalendarView:
        """The trading days and hours of an exchange.

        Days are in the exchange's own zone; holidays and weekends are left out, half days have
        their own close.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/market-data/calendar",
                query={"calendar": calendar, "start": start, "end": end},
            ),
            CalendarView,
        )

    async def get_clock(self, *, calendar: str | None = None) -> ClockView:
        """The time, whether this exchange is open, and the hours of the exchanges whose calendars it
        knows.
        """
        return await self._transport.model(
            Call("GET", "/api/v1/market-data/clock", query={"calendar": calendar}), ClockView
        )

    async def get_quote(self, symbol: str) -> QuoteView:
        """The best bid and ask and the last price of a symbol.

        Without a credential the quote may come from a cache and be up to one second old. With a
        credential it comes from the engine, so that callers see the effect of their own last order.
        """
        return await self._transport.model(
            Call("GET", f"/api/v1/market-data/quote/{segment(symbol)}"), QuoteView
        )

    async def list_quotes(self, *, symbols: str) -> QuotesView:
        """Quotes of several symbols, all of the same moment.

        Unknown symbols are listed in `unknown_symbols`. 404 only if none of the requested symbols
        is known.
        """
        return await self._transport.model(
            Call("GET", "/api/v1/market-data/quotes", query={"symbols": symbols}), QuotesView
        )

    async def list_symbols(
        self, *, query: str | None = None, limit: int | None = None, cursor: str | None = None
    ) -> SymbolViewPage:
        """List the instruments of the exchange, by symbol."""
        return await self._transport.model(
            Call(
                "GET", "/api/v1/market-data/symbols", query={"query": query, "limit": limit, "cursor": cursor}
            ),
            SymbolViewPage,
        )

    async def each_of_symbols(self, *, query: str | None = None) -> AsyncIterator[SymbolView]:
        """All items of `list_symbols`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call("GET", "/api/v1/market-data/symbols", query={"query": query, "limit": None}), SymbolViewPage
        ):
            for item in page.items:
                yield item

    async def list_trades(
        self,
        symbol: str,
        *,
        source: Literal["exchange", "outside", "all"] | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> TradeViewPage:
        """List the trades of a symbol, newest first.

        With a credential the list is complete up to the caller's own last command.
        """
        return await self._transport.model(
            Call(
                "GET",
                f"/api/v1/market-data/trades/{segment(symbol)}",
                query={"source": source, "limit": limit, "cursor": cursor},
            ),
            TradeViewPage,
        )

    async def each_of_trades(
        self, symbol: str, *, source: Literal["exchange", "outside", "all"] | None = None
    ) -> AsyncIterator[TradeView]:
        """All items of `list_trades`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                f"/api/v1/market-data/trades/{segment(symbol)}",
                query={"source": source, "limit": None},
            ),
            TradeViewPage,
        ):
            for item in page.items:
                yield item


class AsyncPlatform:
    """The operations of `platform`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def health(self) -> Health:
        """Liveness: this process answers. No store is queried."""
        return await self._transport.model(Call("GET", "/health"), Health)

    async def index(self) -> Index:
        """Name, version and links of this service."""
        return await self._transport.model(Call("GET", "/api/v1"), Index)


class AsyncPortfolio:
    """The operations of `portfolio`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def buying_power(self) -> BuyingPowerView:
        """Cash, equity and buying power of the account, from the engine.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call("GET", "/api/v1/trading/account/buying-power"), BuyingPowerView
        )

    async def deposit(self, *, amount: Amount, idempotency_key: str | None = None) -> TransactionView:
        """Deposit paper money.

        Needs the scope `funds`.
        """
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/account/deposit",
                body={"amount": amount},
                keyed=True,
                key=idempotency_key,
            ),
            TransactionView,
        )

    async def export_statement(self, period: str, *, format: Literal["csv", "html"] | None = None) -> bytes:
        """The statement of a day or a month as a file: CSV, or an HTML page that browsers print as
        PDF.

        Needs the scope `read`.
        """
        return await self._transport.content(
            Call("GET", f"/api/v1/trading/statements/{segment(period)}/file", query={"format": format})
        )

    async def get_history(
        self,
        *,
        interval: Literal["1m", "5m", "15m", "1h", "1d"] | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> HistoryView:
        """The equity of the account over time, with profit and drawdown, from its first day.

        Computed from the ledger and the tape. `interval` is 1m, 5m, 15m, 1h or 1d; at most 5,000
        points.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/portfolio/history",
                query={"interval": interval, "start": start, "end": end},
            ),
            HistoryView,
        )

    async def get_performance(
        self,
        *,
        start: Time | None = None,
        end: Time | None = None,
        method: Literal["average", "fifo"] | None = None,
        days_per_year: int | None = None,
        risk_free_percent: float | None = None,
    ) -> PerformanceView:
        """Return, risk and outcomes of the account's trades: as a whole, per symbol and per day.

        Return, volatility, Sharpe, Sortino, drawdown, exposure, turnover, win rate, profit factor.
        Days are UTC.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/portfolio/performance",
                query={
                    "start": start,
                    "end": end,
                    "method": method,
                    "days_per_year": days_per_year,
                    "risk_free_percent": risk_free_percent,
                },
            ),
            PerformanceView,
        )

    async def get_portfolio(self) -> PortfolioView:
        """The account with its positions, valued by the engine, with realised profit and fees paid.

        Needs the scope `read`.
        """
        return await self._transport.model(Call("GET", "/api/v1/trading/portfolio"), PortfolioView)

    async def get_position(self, symbol: str) -> PositionView:
        """The position in one symbol, at its mark.

        A closed position shows its realised profit. `position_not_found` if the account never held
        the symbol.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call("GET", f"/api/v1/trading/positions/{segment(symbol)}"), PositionView
        )

    async def get_statement(self, period: str) -> StatementView:
        """The statement of a day (`2026-11-30`) or a month (`2026-11`): equity, cash, fees, trades,
        positions.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call("GET", f"/api/v1/trading/statements/{segment(period)}"), StatementView
        )

    async def list_closed_trades(
        self,
        *,
        method: Literal["average", "fifo"] | None = None,
        symbol: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> ClosedTradeViewPage:
        """List the closed trades of the account, newest first: entry, exit, profit, fees, time held.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/closed-trades",
                query={"method": method, "symbol": symbol, "limit": limit, "cursor": cursor},
            ),
            ClosedTradeViewPage,
        )

    async def each_of_closed_trades(
        self, *, method: Literal["average", "fifo"] | None = None, symbol: str | None = None
    ) -> AsyncIterator[ClosedTradeView]:
        """All items of `list_closed_trades`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/closed-trades",
                query={"method": method, "symbol": symbol, "limit": None},
            ),
            ClosedTradeViewPage,
        ):
            for item in page.items:
                yield item

    async def list_positions(self) -> PositionsView:
        """List the open positions of the account at their marks.

        Needs the scope `read`.
        """
        return await self._transport.model(Call("GET", "/api/v1/trading/positions"), PositionsView)

    async def list_transactions(
        self,
        *,
        kind: Literal["deposit", "withdrawal", "reset", "dividend", "cash_in_lieu", "liquidation", "deficit"]
        | Literal["trade", "fee"]
        | None = None,
        transfer_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> TransactionViewPage:
        """List the changes of the account's cash, newest first: transfers, trades, fees and dividends.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/transactions",
                query={
                    "kind": kind,
                    "transfer_id": transfer_id,
                    "start": start,
                    "end": end,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            TransactionViewPage,
        )

    async def each_of_transactions(
        self,
        *,
        kind: Literal["deposit", "withdrawal", "reset", "dividend", "cash_in_lieu", "liquidation", "deficit"]
        | Literal["trade", "fee"]
        | None = None,
        transfer_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> AsyncIterator[TransactionView]:
        """All items of `list_transactions`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/transactions",
                query={"kind": kind, "transfer_id": transfer_id, "start": start, "end": end, "limit": None},
            ),
            TransactionViewPage,
        ):
            for item in page.items:
                yield item

    async def reset_account(
        self, *, cash: Amount | None = None, idempotency_key: str | None = None
    ) -> TransactionView:
        """Reset the account: cancel all orders, remove all positions and set the cash.

        An account with a limit of its daily loss cannot be reset: the loss of the day would be
        forgotten.

        Needs the scope `funds`.
        """
        return await self._transport.model(
            Call(
                "POST", "/api/v1/trading/account/reset", body={"cash": cash}, keyed=True, key=idempotency_key
            ),
            TransactionView,
        )

    async def withdraw(self, *, amount: Amount, idempotency_key: str | None = None) -> TransactionView:
        """Withdraw paper money.

        At most the `withdrawable` amount: cash that neither open orders nor positions need
        (`insufficient_cash`).

        Needs the scope `funds`.
        """
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/account/withdraw",
                body={"amount": amount},
                keyed=True,
                key=idempotency_key,
            ),
            TransactionView,
        )


class AsyncTrading:
    """The operations of `trading`."""

    def __init__(self, transport: AsyncTransport) -> None:
        self._transport = transport

    async def cancel_all(
        self, *, symbol: str | None = None, idempotency_key: str | None = None
    ) -> CanceledView:
        """Cancel all open orders of the account, or those in one symbol. Returns how many.

        Needs the scope `trade`.
        """
        return await self._transport.model(
            Call(
                "DELETE", "/api/v1/trading/orders", query={"symbol": symbol}, keyed=True, key=idempotency_key
            ),
            CanceledView,
        )

    async def cancel_order(self, order_id: str, *, idempotency_key: str | None = None) -> OrderView:
        """Cancel an open order. Returns the order in its final state.

        Needs the scope `trade`.
        """
        return await self._transport.model(
            Call("DELETE", f"/api/v1/trading/orders/{segment(order_id)}", keyed=True, key=idempotency_key),
            OrderView,
        )

    async def check_risk(
        self,
        *,
        symbol: str,
        side: Literal["buy", "sell"],
        type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"],
        quantity: Amount,
        time_in_force: Literal["day", "gtc", "ioc", "fok", "gtd"] | None = None,
        limit_price: Amount | None = None,
        stop_price: Amount | None = None,
        trail_amount: Amount | None = None,
        trail_percent: Amount | None = None,
        display_quantity: Amount | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        self_trade_prevention: Literal["cancel_newest", "cancel_oldest", "cancel_both", "none"] | None = None,
        expire_at: Time | None = None,
        client_order_id: str | None = None,
        order_class: Literal["simple", "bracket", "oco", "oto"] | None = None,
        take_profit: TakeProfit | None = None,
        stop_loss: StopLoss | None = None,
    ) -> RiskCheckView:
        """Check whether the engine would admit an order now, and what it would reserve. Nothing is
        placed.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/risk/check",
                body={
                    "symbol": symbol,
                    "side": side,
                    "type": type,
                    "quantity": quantity,
                    "time_in_force": time_in_force,
                    "limit_price": limit_price,
                    "stop_price": stop_price,
                    "trail_amount": trail_amount,
                    "trail_percent": trail_percent,
                    "display_quantity": display_quantity,
                    "post_only": post_only,
                    "reduce_only": reduce_only,
                    "self_trade_prevention": self_trade_prevention,
                    "expire_at": expire_at,
                    "client_order_id": client_order_id,
                    "order_class": order_class,
                    "take_profit": take_profit,
                    "stop_loss": stop_loss,
                },
            ),
            RiskCheckView,
        )

    async def close_position(
        self, symbol: str, *, quantity: Amount | None = None, idempotency_key: str | None = None
    ) -> OrderView:
        """Close a position, or a `quantity` of it, by a market order that can only reduce it.

        A repeated Idempotency-Key returns the order of the first request in its present state.

        Needs the scope `trade`.
        """
        return await self._transport.model(
            Call(
                "DELETE",
                f"/api/v1/trading/positions/{segment(symbol)}",
                query={"quantity": quantity},
                keyed=True,
                key=idempotency_key,
            ),
            OrderView,
        )

    async def get_order(self, order_id: str) -> OrderView:
        """One order with its current state.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call("GET", f"/api/v1/trading/orders/{segment(order_id)}"), OrderView
        )

    async def list_fills(
        self,
        *,
        order_id: str | None = None,
        symbol: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> FillViewPage:
        """List the fills of the account, newest first.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/fills",
                query={
                    "order_id": order_id,
                    "symbol": symbol,
                    "start": start,
                    "end": end,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            FillViewPage,
        )

    async def each_of_fills(
        self,
        *,
        order_id: str | None = None,
        symbol: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> AsyncIterator[FillView]:
        """All items of `list_fills`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/fills",
                query={"order_id": order_id, "symbol": symbol, "start": start, "end": end, "limit": None},
            ),
            FillViewPage,
        ):
            for item in page.items:
                yield item

    async def list_orders(
        self,
        *,
        status: Literal["open", "closed", "all"] | None = None,
        symbol: str | None = None,
        client_order_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> OrderViewPage:
        """List the orders of the account, newest first, with refused orders and legs.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "GET",
                "/api/v1/trading/orders",
                query={
                    "status": status,
                    "symbol": symbol,
                    "client_order_id": client_order_id,
                    "start": start,
                    "end": end,
                    "limit": limit,
                    "cursor": cursor,
                },
            ),
            OrderViewPage,
        )

    async def each_of_orders(
        self,
        *,
        status: Literal["open", "closed", "all"] | None = None,
        symbol: str | None = None,
        client_order_id: str | None = None,
        start: Time | None = None,
        end: Time | None = None,
    ) -> AsyncIterator[OrderView]:
        """All items of `list_orders`, from as many pages as needed."""
        async for page in self._transport.pages(
            Call(
                "GET",
                "/api/v1/trading/orders",
                query={
                    "status": status,
                    "symbol": symbol,
                    "client_order_id": client_order_id,
                    "start": start,
                    "end": end,
                    "limit": None,
                },
            ),
            OrderViewPage,
        ):
            for item in page.items:
                yield item

    async def max_order_size(
        self,
        symbol: str,
        *,
        side: Literal["buy", "sell"],
        type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"] | None = None,
        limit_price: Amount | None = None,
        stop_price: Amount | None = None,
    ) -> MaxOrderSizeView:
        """The largest quantity that the engine would admit now; 0 if it would admit none.

        Needs the scope `read`.
        """
        return await self._transport.model(
            Call(
                "GET",
                f"/api/v1/trading/risk/max-order-size/{segment(symbol)}",
                query={"side": side, "type": type, "limit_price": limit_price, "stop_price": stop_price},
            ),
            MaxOrderSizeView,
        )

    async def place_order(
        self,
        *,
        symbol: str,
        side: Literal["buy", "sell"],
        type: Literal["market", "limit", "stop", "stop_limit", "trailing_stop"],
        quantity: Amount,
        time_in_force: Literal["day", "gtc", "ioc", "fok", "gtd"] | None = None,
        limit_price: Amount | None = None,
        stop_price: Amount | None = None,
        trail_amount: Amount | None = None,
        trail_percent: Amount | None = None,
        display_quantity: Amount | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        self_trade_prevention: Literal["cancel_newest", "cancel_oldest", "cancel_both", "none"] | None = None,
        expire_at: Time | None = None,
        client_order_id: str | None = None,
        order_class: Literal["simple", "bracket", "oco", "oto"] | None = None,
        take_profit: TakeProfit | None = None,
        stop_loss: StopLoss | None = None,
        idempotency_key: str | None = None,
    ) -> OrderView:
        """Place an order.

        The order is stored durably in the journal before the response is sent. The response does
        not wait for the read model. A refusal has the reason as its `code`, and the refused order
        is kept: `id` in the response names it.

        Needs the scope `trade`.
        """
        return await self._transport.model(
            Call(
                "POST",
                "/api/v1/trading/orders",
                body={
                    "symbol": symbol,
                    "side": side,
                    "type": type,
                    "quantity": quantity,
                    "time_in_force": time_in_force,
                    "limit_price": limit_price,
                    "stop_price": stop_price,
                    "trail_amount": trail_amount,
                    "trail_percent": trail_percent,
                    "display_quantity": display_quantity,
                    "post_only": post_only,
                    "reduce_only": reduce_only,
                    "self_trade_prevention": self_trade_prevention,
                    "expire_at": expire_at,
                    "client_order_id": client_order_id,
                    "order_class": order_class,
                    "take_profit": take_profit,
                    "stop_loss": stop_loss,
                },
                keyed=True,
                key=idempotency_key,
            ),
            OrderView,
        )

    async def replace_order(
        self,
        order_id: str,
        *,
        quantity: Amount | Unset | None = UNSET,
        limit_price: Amount | Unset | None = UNSET,
        stop_price: Amount | Unset | None = UNSET,
        trail_amount: Amount | Unset | None = UNSET,
        trail_percent: Amount | Unset | None = UNSET,
        idempotency_key: str | None = None,
    ) -> OrderView:
        """Change the quantity or the prices of an open order.

        Only an order whose quantity alone is reduced keeps its place in the queue.

        Needs the scope `trade`.
        """
        return await self._transport.model(
            Call(
                "PATCH",
                f"/api/v1/trading/orders/{segment(order_id)}",
                body={
                    "quantity": quantity,
                    "limit_price": limit_price,
                    "stop_price": stop_price,
                    "trail_amount": trail_amount,
                    "trail_percent": trail_percent,
                },
                keyed=True,
                key=idempotency_key,
            ),
            OrderView,
        )


class AsyncGroups:
    """All operations by group."""

    def __init__(self, transport: AsyncTransport) -> None:
        self.admin = AsyncAdmin(transport)
        self.auth = AsyncAuth(transport)
        self.history = AsyncHistory(transport)
        self.market_data = AsyncMarketData(transport)
        self.platform = AsyncPlatform(transport)
        self.portfolio = AsyncPortfolio(transport)
        self.trading = AsyncTrading(transport)
