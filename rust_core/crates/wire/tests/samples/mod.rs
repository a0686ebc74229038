//! Samples of every command, event and outcome, with and without every optional field.
#![allow(dead_code)]
use cift_engine::*;
use cift_wire::text::{parse_currency, parse_symbol};

pub const ACCOUNT: AccountId = AccountId(0x0190_0000_0000_7000_8000_0000_0000_0001);
pub const OTHER: AccountId = AccountId(0x0190_0000_0000_7000_8000_0000_0000_0002);
pub const ORDER: OrderId = OrderId(0x0190_1111_2222_7333_8444_5555_6666_7777);

pub fn spy() -> Symbol {
    parse_symbol("SPY").unwrap()
}

pub fn place() -> PlaceOrder {
    PlaceOrder {
        account: ACCOUNT,
        order: ORDER,
        symbol: spy(),
        side: Side::Buy,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::Day,
        quantity: 100 * NANOS,
        limit_price: Some(501_250_000_000),
        stop_price: None,
        trail: None,
        display_quantity: None,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: SelfTradePrevention::CancelNewest,
        class: OrderClass::Simple,
        request: Some(Request {
            key: 7 << 100 | 3,
            body: u128::MAX - 5,
        }),
    }
}

pub fn limits(full: bool) -> Limits {
    Limits {
        max_order_quantity: full.then_some(5 * NANOS),
        max_order_notional: full.then_some(-(1 << 90)),
        max_position: full.then_some(9),
        max_open_orders: 500,
        max_orders_per_second: 400,
        max_daily_loss: full.then_some(1 << 80),
        leverage_percent: 200,
    }
}

pub fn instrument() -> Instrument {
    Instrument {
        symbol: spy(),
        currency: parse_currency("USD").unwrap(),
        tick: 10_000_000,
        lot: NANOS,
        band_ppm: 100_000,
        collar_ppm: 20_000,
    }
}

pub fn commands() -> Vec<Command> {
    let request = Some(Request { key: 1, body: 2 });
    let stop_loss = StopLoss {
        order: OrderId(9),
        stop_price: 490 * NANOS,
        limit_price: Some(489 * NANOS),
    };
    let take_profit = TakeProfit {
        order: OrderId(8),
        limit_price: 520 * NANOS,
    };
    let usd = parse_currency("USD").unwrap();
    let (account, transfer) = (ACCOUNT, TransferId(77));
    let mut all = vec![
        Command::EngineStarted { epoch: 3 },
        Command::AdvanceTime,
        Command::Continue,
        Command::SetRules { version: 1 },
        Command::EnableFormat { format: 1 },
        Command::DefineInstrument(instrument()),
        Command::DefineFeed {
            feed: 1,
            house: OTHER,
            silence_ns: 5_000_000_000,
        },
        Command::SetFees {
            maker_ppm: -5,
            taker_ppm: 30,
        },
        Command::SetMargin {
            insurance: OTHER,
            maintenance_percent: 50,
            interval_ns: 1_000_000_000,
        },
        Command::SetSession {
            session: 4,
            closes_at: None,
        },
        Command::SetSession {
            session: 5,
            closes_at: Some(1 << 60),
        },
        Command::Halt { symbol: spy() },
        Command::Resume { symbol: spy() },
        Command::Split {
            symbol: spy(),
            numerator: 2,
            denominator: 3,
        },
        Command::Dividend {
            symbol: spy(),
            amount: -12,
        },
        Command::OpenAccount {
            account,
            kind: AccountKind::Margin,
            role: AccountRole::House,
            currency: usd,
        },
        Command::OpenAccount {
            account,
            kind: AccountKind::Cash,
            role: AccountRole::Customer,
            currency: usd,
        },
        Command::Deposit {
            account,
            transfer,
            amount: 100_000 * NANOS as i128,
            request,
        },
        Command::Withdraw {
            account,
            transfer,
            amount: -1,
            request: None,
        },
        Command::ResetAccount {
            account,
            transfer,
            cash: 1 << 100,
            request,
        },
        Command::SetLimits {
            account,
            limits: limits(true),
        },
        Command::SetLimits {
            account,
            limits: limits(false),
        },
        Command::CancelOrder {
            account,
            order: ORDER,
            request,
        },
        Command::CancelAll {
            account,
            symbol: None,
            request: None,
        },
        Command::CancelAll {
            account,
            symbol: Some(spy()),
            request,
        },
        Command::OutsideQuote {
            feed: 1,
            source_sequence: 44,
            symbol: spy(),
            bid: OutsideSide { price: 1, quantity: 2 },
            ask: OutsideSide { price: 3, quantity: 0 },
        },
        Command::OutsideTrade {
            feed: 1,
            source_sequence: 45,
            symbol: spy(),
            price: 5,
            quantity: 6,
        },
        Command::PlaceOrder(place()),
        Command::ReplaceOrder(ReplaceOrder {
            account,
            order: ORDER,
            quantity: Some(5),
            limit_price: None,
            stop_price: Some(7),
            trail: Some(Trail::Ppm(1_000)),
            request,
        }),
        Command::ReplaceOrder(ReplaceOrder {
            account,
            order: ORDER,
            quantity: None,
            limit_price: Some(6),
            stop_price: None,
            trail: None,
            request: None,
        }),
    ];
    for state in [
        AccountState::Active,
        AccountState::ReduceOnly,
        AccountState::Suspended,
        AccountState::Closed,
    ] {
        all.push(Command::SetAccountState { account, state });
    }
    let classes = [
        OrderClass::Bracket(Legs {
            take_profit: Some(take_profit),
            stop_loss: Some(stop_loss),
        }),
        OrderClass::Oto(Legs {
            take_profit: Some(take_profit),
            stop_loss: None,
        }),
        OrderClass::Oto(Legs {
            take_profit: None,
            stop_loss: Some(StopLoss {
                limit_price: None,
                ..stop_loss
            }),
        }),
        OrderClass::Oco(stop_loss),
    ];
    all.extend(classes.map(|class| {
        Command::PlaceOrder(PlaceOrder {
            class,
            request: None,
            ..place()
        })
    }));
    let tifs = [
        TimeInForce::Gtc,
        TimeInForce::Ioc,
        TimeInForce::Fok,
        TimeInForce::Gtd(123_456),
    ];
    all.extend(tifs.map(|time_in_force| {
        Command::PlaceOrder(PlaceOrder {
            time_in_force,
            ..place()
        })
    }));
    let kinds = [
        (OrderKind::Market, None, SelfTradePrevention::None),
        (OrderKind::Stop, None, SelfTradePrevention::CancelOldest),
        (OrderKind::StopLimit, None, SelfTradePrevention::CancelBoth),
        (
            OrderKind::TrailingStop,
            Some(Trail::Amount(5)),
            SelfTradePrevention::None,
        ),
        (
            OrderKind::TrailingStop,
            Some(Trail::Ppm(999_999)),
            SelfTradePrevention::None,
        ),
    ];
    all.extend(kinds.map(|(kind, trail, self_trade_prevention)| {
        Command::PlaceOrder(PlaceOrder {
            side: Side::Sell,
            kind,
            trail,
            self_trade_prevention,
            stop_price: Some(9),
            limit_price: None,
            display_quantity: Some(3),
            post_only: true,
            reduce_only: true,
            ..place()
        })
    }));
    all
}

pub fn fill(order: u128) -> Fill {
    Fill {
        order: OrderId(order),
        account: ACCOUNT,
        fee: -30_000_000,
        filled: 10 * NANOS,
        leaves: 90 * NANOS,
        filled_notional: 5_012_500_000_000,
        cash: 99_999 * NANOS as i128,
        position: -10 * NANOS,
        cost: -5_012_500_000_000,
        realized: i128::MIN / 4,
    }
}

pub fn events() -> Vec<Event> {
    let usd = parse_currency("USD").unwrap();
    let (account, order, symbol) = (ACCOUNT, ORDER, spy());
    let accepted = Accepted {
        order,
        account,
        symbol,
        side: Side::Sell,
        kind: OrderKind::TrailingStop,
        time_in_force: TimeInForce::Gtd(5),
        quantity: 4,
        limit_price: Some(3),
        stop_price: Some(2),
        trail: Some(Trail::Ppm(1)),
        display_quantity: Some(1),
        post_only: true,
        reduce_only: true,
        self_trade_prevention: SelfTradePrevention::CancelBoth,
        parent: Some(OrderId(u128::MAX)),
        status: OrderStatus::Held,
    };
    let mut all = vec![
        Event::EngineStarted { epoch: 3 },
        Event::RulesSet { version: 1 },
        Event::FormatEnabled { format: 1 },
        Event::InstrumentDefined(instrument()),
        Event::FeedDefined {
            feed: 1,
            house: OTHER,
            silence_ns: -1,
        },
        Event::FeesSet {
            maker_ppm: -5,
            taker_ppm: 30,
        },
        Event::MarginSet {
            insurance: OTHER,
            maintenance_percent: 50,
            interval_ns: 1_000_000_000,
        },
        Event::MarginCalled {
            account: OTHER,
            equity: -5,
            requirement: 7,
        },
        Event::SessionSet {
            session: 4,
            closes_at: Some(9),
        },
        Event::SessionClosed { session: 4 },
        Event::Halted { symbol },
        Event::Resumed { symbol },
        Event::SplitApplied {
            symbol,
            numerator: 2,
            denominator: 3,
        },
        Event::AccountOpened {
            account,
            kind: AccountKind::Cash,
            role: AccountRole::Customer,
            currency: usd,
        },
        Event::LimitsSet {
            account,
            limits: limits(true),
        },
        Event::AccountStateSet {
            account,
            state: AccountState::ReduceOnly,
        },
        Event::OrderAccepted(accepted),
        Event::OrderAccepted(Accepted {
            limit_price: None,
            stop_price: None,
            trail: None,
            parent: None,
            ..accepted
        }),
        Event::OrderActivated {
            order,
            account,
            status: OrderStatus::New,
            quantity: 8,
        },
        Event::OrderAdjusted {
            order,
            account,
            quantity: 8,
            stop_price: Some(5),
        },
        Event::OrderAdjusted {
            order,
            account,
            quantity: 8,
            stop_price: None,
        },
        Event::OrderReplaced {
            order,
            account,
            quantity: 1,
            limit_price: Some(1),
            stop_price: None,
            trail: None,
        },
        Event::TradeExecuted {
            trade: 9,
            symbol,
            price: 501_250_000_000,
            quantity: 10 * NANOS,
            aggressor: Side::Sell,
            maker: fill(1),
            taker: fill(2),
        },
        Event::OutsideTraded {
            feed: 1,
            symbol,
            price: 5,
            quantity: 6,
        },
        Event::FeedWithdrawn { feed: 1 },
        Event::LevelChanged {
            symbol,
            side: Side::Buy,
            price: 5,
            quantity: 0,
            orders: 0,
        },
    ];
    all.extend(CashKind::ALL.iter().map(|&kind| Event::CashMoved {
        account,
        transfer: TransferId(5),
        kind,
        amount: -3,
        cash: 1 << 70,
    }));
    all.extend(PositionKind::ALL.iter().map(|&kind| Event::PositionMoved {
        account,
        symbol,
        kind,
        position: -3,
        cost: -4,
    }));
    all.extend(Refusal::ALL.iter().map(|&reason| Event::Refused { reason }));
    all.extend(CloseReason::ALL.iter().map(|&reason| Event::OrderClosed {
        order,
        account,
        status: OrderStatus::Canceled,
        reason,
    }));
    all
}

pub fn summary() -> OrderSummary {
    OrderSummary {
        order: ORDER,
        status: OrderStatus::PartiallyFilled,
        reason: Some(CloseReason::Collar),
        quantity: 100 * NANOS,
        filled: 10 * NANOS,
        filled_notional: 5_012_500_000_000,
    }
}

pub fn outcomes() -> Vec<Outcome> {
    let first = FirstResult {
        sequence: 5,
        at: 6,
        order: Some(summary()),
        affected: 0,
        refusal: None,
    };
    let refused = FirstResult {
        order: None,
        refusal: Some(Refusal::PositionLimit),
        ..first
    };
    vec![
        Outcome::Done {
            order: Some(summary()),
            affected: 0,
        },
        Outcome::Done {
            order: None,
            affected: 12,
        },
        Outcome::Done {
            order: None,
            affected: 0,
        },
        Outcome::Refused(Refusal::InsufficientBuyingPower),
        Outcome::Repeated { first },
        Outcome::Repeated { first: refused },
    ]
}
