//! `vectors/every_event.bin`: a record with every kind of event, every internal command and every outcome.
//!
//! The Python test (tests/cift_core/test_every_event.py) lists the expected dicts by hand, so that it finds
//! a field that the codec forgets or swaps. This test checks the bytes. `CIFT_WRITE_VECTORS=1` writes them
//! again.

use cift_engine::*;
use cift_wire::{encode_record, Entry, Header, Meta};

fn symbol() -> Symbol {
    let mut bytes = [0; 16];
    bytes[..5].copy_from_slice(b"BRK.B");
    Symbol(bytes)
}

fn currency() -> Currency {
    let mut bytes = [0; 8];
    bytes[..3].copy_from_slice(b"USD");
    Currency(bytes)
}

fn fill(first: i64) -> Fill {
    Fill {
        order: OrderId(first as u128),
        account: AccountId(first as u128 + 1),
        fee: first as Money + 2,
        filled: first + 3,
        leaves: first + 4,
        filled_notional: first as Money + 5,
        cash: -(first as Money + 6),
        position: -(first + 7),
        cost: (1 << 80) + first as Money,
        realized: -(1 << 80) - first as Money,
    }
}

/// One event of each kind. `kind_index` has no `_` arm, so a new event does not compile until it is added
/// there. Then it must be added here and to the Python test too.
fn events() -> Vec<Event> {
    let all = [exchange_events(), account_events(), order_events()].concat();
    let kinds: std::collections::BTreeSet<usize> = all.iter().map(kind_index).collect();
    assert_eq!(kinds.len(), KINDS);
    all
}

const ACCOUNT: AccountId = AccountId(0xa);
const ORDER: OrderId = OrderId(0xb);

fn exchange_events() -> Vec<Event> {
    let instrument = Instrument {
        symbol: symbol(),
        currency: currency(),
        tick: 1,
        lot: 2,
        band_ppm: 3,
        collar_ppm: 4,
    };
    vec![
        Event::EngineStarted { epoch: 7 },
        Event::RulesSet { version: 1 },
        Event::FormatEnabled { format: 1 },
        Event::InstrumentDefined(instrument),
        Event::FeedDefined {
            feed: 1,
            house: ACCOUNT,
            silence_ns: 2,
        },
        Event::FeesSet {
            maker_ppm: -1,
            taker_ppm: 2,
        },
        Event::MarginSet {
            insurance: ACCOUNT,
            maintenance_percent: 50,
            interval_ns: 9,
        },
        Event::MarginCalled {
            account: ACCOUNT,
            equity: -1,
            requirement: 2,
        },
        Event::SessionSet {
            session: 1,
            closes_at: Some(2),
        },
        Event::SessionClosed { session: 1 },
        Event::Halted { symbol: symbol() },
        Event::Resumed { symbol: symbol() },
        Event::SplitApplied {
            symbol: symbol(),
            numerator: 3,
            denominator: 2,
        },
    ]
}

fn account_events() -> Vec<Event> {
    let limits = Limits {
        max_order_quantity: Some(1),
        max_order_notional: Some(2),
        max_position: None,
        max_open_orders: 3,
        max_orders_per_second: 4,
        max_daily_loss: Some(5),
        leverage_percent: 200,
    };
    vec![
        Event::AccountOpened {
            account: ACCOUNT,
            kind: AccountKind::Margin,
            role: AccountRole::House,
            currency: currency(),
        },
        Event::LimitsSet {
            account: ACCOUNT,
            limits,
        },
        Event::AccountStateSet {
            account: ACCOUNT,
            state: AccountState::ReduceOnly,
        },
        Event::CashMoved {
            account: ACCOUNT,
            transfer: TransferId(0xc),
            kind: CashKind::CashInLieu,
            amount: -1,
            cash: 2,
        },
        Event::PositionMoved {
            account: ACCOUNT,
            symbol: symbol(),
            kind: PositionKind::Split,
            position: -1,
            cost: -2,
        },
        Event::Refused {
            reason: Refusal::PriceNotOnTick,
        },
    ]
}

fn order_events() -> Vec<Event> {
    let accepted = Accepted {
        order: ORDER,
        account: ACCOUNT,
        symbol: symbol(),
        side: Side::Sell,
        kind: OrderKind::TrailingStop,
        time_in_force: TimeInForce::Gtd(9),
        quantity: 1,
        limit_price: Some(2),
        stop_price: Some(3),
        trail: Some(Trail::Ppm(4)),
        display_quantity: Some(5),
        post_only: true,
        reduce_only: true,
        self_trade_prevention: SelfTradePrevention::CancelBoth,
        parent: Some(OrderId(6)),
        status: OrderStatus::Pending,
    };
    vec![
        Event::OrderAccepted(accepted),
        Event::OrderActivated {
            order: ORDER,
            account: ACCOUNT,
            status: OrderStatus::New,
            quantity: 1,
        },
        Event::OrderAdjusted {
            order: ORDER,
            account: ACCOUNT,
            quantity: 1,
            stop_price: Some(2),
        },
        Event::OrderReplaced {
            order: ORDER,
            account: ACCOUNT,
            quantity: 1,
            limit_price: Some(2),
            stop_price: None,
            trail: Some(Trail::Amount(3)),
        },
        Event::OrderClosed {
            order: ORDER,
            account: ACCOUNT,
            status: OrderStatus::Expired,
            reason: CloseReason::TimeReached,
        },
        Event::TradeExecuted {
            trade: 1,
            symbol: symbol(),
            price: 2,
            quantity: 3,
            aggressor: Side::Sell,
            maker: fill(100),
            taker: fill(200),
        },
        Event::OutsideTraded {
            feed: 1,
            symbol: symbol(),
            price: 2,
            quantity: 3,
        },
        Event::FeedWithdrawn { feed: 1 },
        Event::LevelChanged {
            symbol: symbol(),
            side: Side::Buy,
            price: 1,
            quantity: 2,
            orders: 3,
        },
    ]
}

const KINDS: usize = 28;

fn kind_index(event: &Event) -> usize {
    match event {
        Event::EngineStarted { .. } => 0,
        Event::RulesSet { .. } => 1,
        Event::FormatEnabled { .. } => 2,
        Event::InstrumentDefined(_) => 3,
        Event::FeedDefined { .. } => 4,
        Event::FeesSet { .. } => 5,
        Event::SessionSet { .. } => 6,
        Event::SessionClosed { .. } => 7,
        Event::Halted { .. } => 8,
        Event::Resumed { .. } => 9,
        Event::SplitApplied { .. } => 10,
        Event::AccountOpened { .. } => 11,
        Event::LimitsSet { .. } => 12,
        Event::AccountStateSet { .. } => 13,
        Event::CashMoved { .. } => 14,
        Event::PositionMoved { .. } => 15,
        Event::Refused { .. } => 16,
        Event::OrderAccepted(_) => 17,
        Event::OrderActivated { .. } => 18,
        Event::OrderAdjusted { .. } => 19,
        Event::OrderReplaced { .. } => 20,
        Event::OrderClosed { .. } => 21,
        Event::TradeExecuted { .. } => 22,
        Event::OutsideTraded { .. } => 23,
        Event::FeedWithdrawn { .. } => 24,
        Event::MarginSet { .. } => 25,
        Event::MarginCalled { .. } => 26,
        Event::LevelChanged { .. } => KINDS - 1,
    }
}

#[test]
fn the_bytes_of_every_event_are_stable() {
    let summary = OrderSummary {
        order: OrderId(1),
        status: OrderStatus::Canceled,
        reason: Some(CloseReason::SelfTrade),
        quantity: 2,
        filled: 3,
        filled_notional: 4,
    };
    let first = FirstResult {
        sequence: 5,
        at: 6,
        order: Some(summary),
        affected: 7,
        refusal: Some(Refusal::OrderNotOpen),
    };
    let events = events();
    let commands = [
        Command::EngineStarted { epoch: 7 },
        Command::AdvanceTime,
        Command::Continue,
    ];
    let outcomes = [
        Outcome::Done {
            order: None,
            affected: 8,
        },
        Outcome::Refused(Refusal::StaleEpoch),
        Outcome::Repeated { first },
    ];
    let events_of: [&[Event]; 3] = [&events, &[], &[]];
    let entries = (0..3).map(|index| Entry {
        meta: Meta::default(),
        command: &commands[index],
        outcome: &outcomes[index],
        events: events_of[index],
    });
    let header = Header {
        format: 1,
        rules: 2,
        epoch: 3,
        previous_hash: [0x11; 32],
        state_hash: Some([0x22; 32]),
        timestamp: 4,
        first_command: 5,
    };
    let bytes = encode_record(&header, entries);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/every_event.bin");
    if std::env::var_os("CIFT_WRITE_VECTORS").is_some() {
        std::fs::write(path, &bytes).unwrap();
    }
    assert!(
        std::fs::read(path).unwrap() == bytes,
        "every_event.bin differs: the wire format changed"
    );
}
