//! The vectors in `vectors/`: `<name>.bin` is the message, `<name>.json` its content as the Python codec
//! (`cift_core.wire`) returns it; the Python tests read the same files. A change of these bytes changes the wire format.
//! `CIFT_WRITE_VECTORS=1` writes the files again.
mod samples;
use cift_engine::*;
use cift_wire::record::NO_RECORD;
use cift_wire::text::uuid_text;
use cift_wire::*;
use serde_json::{json, Value};
use std::{env, fs};

fn hold(name: &str, bytes: &[u8], meaning: &Value) {
    let base = format!("{}/vectors/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = serde_json::to_string_pretty(meaning).unwrap() + "\n";
    if env::var_os("CIFT_WRITE_VECTORS").is_some() {
        fs::write(format!("{base}.bin"), bytes).unwrap();
        fs::write(format!("{base}.json"), &text).unwrap();
    }
    assert!(
        fs::read(format!("{base}.bin")).unwrap() == bytes,
        "{name}.bin: the wire format changed"
    );
    assert_eq!(fs::read_to_string(format!("{base}.json")).unwrap(), text);
}

fn market_buy() -> Command {
    Command::PlaceOrder(PlaceOrder {
        kind: OrderKind::Market,
        time_in_force: TimeInForce::Ioc,
        limit_price: None,
        request: None,
        ..samples::place()
    })
}
fn bracket() -> Command {
    let class = OrderClass::Bracket(Legs {
        take_profit: Some(TakeProfit {
            order: OrderId(8),
            limit_price: 520 * NANOS,
        }),
        stop_loss: Some(StopLoss {
            order: OrderId(9),
            stop_price: 490 * NANOS,
            limit_price: None,
        }),
    });
    let place = PlaceOrder {
        class,
        request: None,
        ..samples::place()
    };
    let key = request_key(samples::ACCOUNT, "place_order", "my-order.1");
    let request = Some(Request {
        key,
        body: body_digest(&Command::PlaceOrder(place)),
    });
    Command::PlaceOrder(PlaceOrder { request, ..place })
}

fn place_json(kind: &str, tif: &str, limit: Option<i64>, class: Value) -> Value {
    json!({
        "type": "place_order", "account": uuid_text(samples::ACCOUNT.0), "order": uuid_text(samples::ORDER.0),
        "symbol": "SPY", "side": "buy", "kind": kind, "time_in_force": tif, "quantity": 100_000_000_000_i64,
        "limit_price": limit, "stop_price": null, "trail": null, "display_quantity": null, "post_only": false,
        "reduce_only": false, "self_trade_prevention": "cancel_newest", "class": class,
    })
}
fn with(mut value: Value, more: Value) -> Value {
    value.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    value
}

const TRACE: u128 = 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736;
const SPAN: u64 = 0x00f0_67aa_0ba9_02b7;

#[test]
fn commands() {
    let meta = Meta {
        trace: TRACE,
        span: SPAN,
        expires_at: 1_795_000_000_000_000_000,
        client_order_id: "my-order.1",
    };
    let (account, transfer) = (samples::ACCOUNT, TransferId(77));
    let sent = [
        Envelope {
            meta: Meta::default(),
            command: market_buy(),
        },
        Envelope {
            meta,
            command: bracket(),
        },
        Envelope {
            meta: Meta::default(),
            command: Command::CancelAll {
                account,
                symbol: None,
                request: None,
            },
        },
        Envelope {
            meta: Meta::default(),
            command: Command::Deposit {
                account,
                transfer,
                amount: 100_000_000_000_000,
                request: None,
            },
        },
    ];
    let account_text = uuid_text(account.0);
    let request = command::request_of(&sent[1].command).unwrap();
    let bracket_class = json!({"bracket": {
        "take_profit": {"order": uuid_text(8), "limit_price": 520_000_000_000_i64},
        "stop_loss": {"order": uuid_text(9), "stop_price": 490_000_000_000_i64, "limit_price": null},
    }});
    let meaning = json!([
        place_json("market", "ioc", None, json!("simple")),
        with(place_json("limit", "day", Some(501_250_000_000), bracket_class), json!({
            "trace_id": format!("{TRACE:032x}"), "span_id": format!("{SPAN:016x}"),
            "expires_at": 1_795_000_000_000_000_000_i64, "client_order_id": "my-order.1",
            "idempotency_key": "my-order.1",
            "request": {"key": format!("{:032x}", request.key), "body": format!("{:032x}", request.body)},
        })),
        {"type": "cancel_all", "account": account_text, "symbol": null},
        {"type": "deposit", "account": account_text, "transfer": uuid_text(77), "amount": 100_000_000_000_000_i64},
    ]);
    hold("commands", &encode_commands(&sent), &meaning);
}

#[test]
fn results() {
    let outcomes = samples::outcomes();
    let mut results: Vec<_> = [0, 1, 3, 4]
        .map(|i: usize| CommandResult::sequenced(&outcomes[i], 8, 9, 10))
        .to_vec();
    results.push(CommandResult::unsequenced(Status::Unavailable, "queue_full"));
    let order = json!({"order": uuid_text(samples::ORDER.0), "status": "partially_filled", "reason": "collar",
        "quantity": 100_000_000_000_i64, "filled": 10_000_000_000_i64, "filled_notional": 5_012_500_000_000_i64});
    let result = |status: &str, reason: Value, sequences: [i64; 3], order: Value, affected: i64, first: Value| {
        json!({"status": status, "reason": reason, "record_sequence": sequences[0], "command_sequence": sequences[1],
            "timestamp": sequences[2], "order": order, "affected": affected, "first": first})
    };
    let first = json!({"sequence": 5, "at": 6, "order": order, "affected": 0, "refusal": null});
    let meaning = json!([
        result("done", json!(null), [8, 9, 10], order.clone(), 0, json!(null)),
        result("done", json!(null), [8, 9, 10], json!(null), 12, json!(null)),
        result(
            "refused",
            json!("insufficient_buying_power"),
            [8, 9, 10],
            json!(null),
            0,
            json!(null)
        ),
        result("repeated", json!(null), [8, 9, 10], order, 0, first),
        result(
            "unavailable",
            json!("queue_full"),
            [0, 0, 0],
            json!(null),
            0,
            json!(null)
        ),
    ]);
    hold("results", &encode_results(&results), &meaning);
}

fn fill_json(order: u128, realized: i64) -> Value {
    json!({"order": uuid_text(order), "account": uuid_text(samples::ACCOUNT.0), "fee": -30_000_000,
        "filled": 10_000_000_000_i64, "leaves": 90_000_000_000_i64, "filled_notional": 5_012_500_000_000_i64,
        "cash": 99_999_000_000_000_i64, "position": -10_000_000_000_i64, "cost": -5_012_500_000_000_i64,
        "realized": realized})
}

#[test]
fn record() {
    let fill = |order, realized| Fill {
        realized,
        ..samples::fill(order)
    };
    let (account, order, symbol) = (samples::ACCOUNT, samples::ORDER, samples::spy());
    let place = market_buy();
    let events = [
        Event::TradeExecuted {
            trade: 9,
            symbol,
            price: 501_250_000_000,
            quantity: 10 * NANOS,
            aggressor: Side::Buy,
            maker: fill(1, 0),
            taker: fill(2, -5),
        },
        Event::OrderClosed {
            order,
            account,
            status: OrderStatus::Canceled,
            reason: CloseReason::Collar,
        },
        Event::LevelChanged {
            symbol,
            side: Side::Sell,
            price: 501_250_000_000,
            quantity: 0,
            orders: 0,
        },
    ];
    let done = Outcome::Done {
        order: Some(samples::summary()),
        affected: 0,
    };
    let refused = Outcome::Refused(Refusal::UnknownSymbol);
    let refusal = [Event::Refused {
        reason: Refusal::UnknownSymbol,
    }];
    let halt = Command::Halt { symbol };
    let meta = Meta {
        trace: TRACE,
        span: SPAN,
        expires_at: 0,
        client_order_id: "mine",
    };
    let entries = [
        Entry {
            meta,
            command: &place,
            outcome: &done,
            events: &events,
        },
        Entry {
            meta: Meta::default(),
            command: &halt,
            outcome: &refused,
            events: &refusal,
        },
    ];
    let header = Header {
        format: 1,
        rules: 2,
        epoch: 3,
        previous_hash: NO_RECORD,
        state_hash: Some(blake3(b"state")),
        timestamp: 1_795_000_000_000_000_000,
        first_command: 41,
    };
    let account_text = uuid_text(account.0);
    let order_text = uuid_text(order.0);
    let summary = json!({"order": order_text, "status": "partially_filled", "reason": "collar",
        "quantity": 100_000_000_000_i64, "filled": 10_000_000_000_i64, "filled_notional": 5_012_500_000_000_i64});
    let meaning = json!({
        "format": 1, "rules": 2, "epoch": 3, "timestamp": 1_795_000_000_000_000_000_i64, "first_command": 41,
        "entries": [
            {
                "command": with(place_json("market", "ioc", None, json!("simple")), json!({
                    "trace_id": format!("{TRACE:032x}"), "span_id": format!("{SPAN:016x}"), "client_order_id": "mine"})),
                "outcome": {"status": "done", "order": summary, "affected": 0},
                "events": [
                    {"type": "trade_executed", "trade": 9, "symbol": "SPY", "price": 501_250_000_000_i64,
                     "quantity": 10_000_000_000_i64, "aggressor": "buy", "maker": fill_json(1, 0),
                     "taker": fill_json(2, -5)},
                    {"type": "order_closed", "order": order_text, "account": account_text, "status": "canceled",
                     "reason": "collar"},
                    {"type": "level_changed", "symbol": "SPY", "side": "sell", "price": 501_250_000_000_i64,
                     "quantity": 0, "orders": 0},
                ],
            },
            {
                "command": {"type": "halt", "symbol": "SPY"},
                "outcome": {"status": "refused", "reason": "unknown_symbol"},
                "events": [{"type": "refused", "reason": "unknown_symbol"}],
            },
        ],
    });
    hold("record", &encode_record(&header, entries.iter().copied()), &meaning);
}

#[test]
fn messages_of_a_symbol() {
    let origin = market::Origin {
        sequence: 5,
        index: 6,
        timestamp: 7,
    };
    let of = |more: Value| with(json!({"sequence": 5, "index": 6, "timestamp": 7}), more);
    let symbol = samples::spy();
    let trade = market::Trade {
        origin,
        symbol,
        trade: 3,
        feed: 0,
        price: 50,
        quantity: 60,
        aggressor: Side::Sell,
    };
    let meaning = json!({"symbol": "SPY", "trade": 3, "feed": 0, "price": 50, "quantity": 60, "aggressor": "sell"});
    hold("trade", &trade.encode(), &of(meaning));
    let quote = market::Quote {
        origin,
        symbol,
        bid: Some((4, 5)),
        ask: None,
        last: Some((8, 9, 10)),
        halted: true,
    };
    let meaning = json!({"symbol": "SPY", "bid": 4, "bid_quantity": 5, "ask": null, "ask_quantity": null,
        "last": 8, "last_quantity": 9, "last_at": 10, "halted": true});
    hold("quote", &quote.encode(), &of(meaning));
    let change = market::LevelChange {
        side: Side::Sell,
        price: 4,
        quantity: 5,
        orders: 6,
    };
    let delta = market::BookDelta {
        origin,
        symbol,
        changes: vec![change],
        checksum: Some(2_882_400_001),
    };
    let meaning = json!({"symbol": "SPY", "changes": [{"side": "sell", "price": 4, "quantity": 5, "orders": 6}],
        "checksum": 2_882_400_001_u32});
    hold("book_delta", &delta.encode(), &of(meaning));
    let bar = market::Bar {
        origin,
        symbol,
        start: 60_000_000_000,
        open: 1,
        high: 4,
        low: 1,
        close: 2,
        volume: 5,
        turnover: 7_000_000_000_000,
        trades: 3,
    };
    let meaning = json!({"symbol": "SPY", "start": 60_000_000_000_i64, "open": 1, "high": 4, "low": 1, "close": 2,
        "volume": 5, "turnover": 7_000_000_000_000_i64, "trades": 3});
    hold("bar", &bar.encode(), &of(meaning));
}

#[test]
fn messages_of_an_account() {
    let origin = market::Origin {
        sequence: 5,
        index: 6,
        timestamp: 7,
    };
    let of = |more: Value| with(json!({"sequence": 5, "index": 6, "timestamp": 7}), more);
    let (symbol, account, order) = (samples::spy(), samples::ACCOUNT, samples::ORDER);
    let (account_text, order_text) = (uuid_text(account.0), uuid_text(order.0));
    let terms = account::OrderTerms {
        client_order_id: "mine".into(),
        symbol,
        side: Side::Sell,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::Gtd(8),
        display_quantity: Some(4),
        post_only: true,
        reduce_only: false,
        self_trade_prevention: SelfTradePrevention::None,
        parent: None,
        class: account::OrderClassName::Oco,
        legs: [None, Some(OrderId(9))],
    };
    let accepted = account::Order {
        origin,
        change: account::OrderChange::Accepted,
        account,
        order,
        terms: Some(terms),
        status: OrderStatus::New,
        reason: None,
        refusal: None,
        quantity: 5,
        filled: 0,
        filled_notional: 0,
        limit_price: Some(6),
        stop_price: None,
        trail: None,
    };
    let terms = json!({"client_order_id": "mine", "symbol": "SPY", "side": "sell", "kind": "limit",
        "time_in_force": ["gtd", 8], "display_quantity": 4, "post_only": true, "reduce_only": false,
        "self_trade_prevention": "none", "parent": null, "order_class": "oco", "legs": [uuid_text(9)]});
    let meaning = json!({"change": "accepted", "account": account_text, "order": order_text, "terms": terms,
        "status": "new", "reason": null, "refusal": null, "quantity": 5, "filled": 0, "filled_notional": 0,
        "limit_price": 6, "stop_price": null, "trail": null});
    hold("order", &accepted.encode(), &of(meaning));
    let fill = account::Fill {
        origin,
        account,
        order,
        symbol,
        trade: 4,
        side: Side::Sell,
        maker: true,
        price: 5,
        quantity: 6,
        fee: -7,
        filled: 8,
        leaves: 9,
        filled_notional: 10,
        cash: -11,
        position: -12,
        cost: -13,
        realized: 14,
    };
    let meaning = json!({"account": account_text, "order": order_text, "symbol": "SPY", "trade": 4, "side": "sell",
        "maker": true, "price": 5, "quantity": 6, "fee": -7, "filled": 8, "leaves": 9, "filled_notional": 10,
        "cash": -11, "position": -12, "cost": -13, "realized": 14});
    hold("fill", &fill.encode(), &of(meaning));
    let position = account::Position {
        origin,
        account,
        symbol,
        quantity: -1,
        cost: -2,
        realized: -3,
    };
    let meaning = json!({"account": account_text, "symbol": "SPY", "quantity": -1, "cost": -2, "realized": -3});
    hold("position", &position.encode(), &of(meaning));
}

#[test]
fn ticks_and_bars() {
    let symbol = samples::spy();
    let sequences = [7, 8, 12];
    let times = [
        1_381_152_600_000_000_000,
        1_381_152_600_001_000_000,
        1_381_152_600_001_000_000,
    ];
    let batch = ticks::Ticks {
        feed: "lean",
        symbol,
        sequences: &sequences[..],
        times: &times[..],
    };
    let (prices, quantities) = (
        [168_430_000_000, 168_440_000_000, 168_430_000_000],
        [100 * NANOS, NANOS, 5 * NANOS],
    );
    let trades = ticks::Trades {
        prices: &prices[..],
        quantities: &quantities[..],
        sides: &[1, -1, 0][..],
        conditions: &[0, 0x800, u32::MAX][..],
    };
    let head = json!({"feed": "lean", "symbol": "SPY", "sequences": sequences, "times": times});
    let meaning = json!({"kind": "trade", "prices": prices, "quantities": quantities, "sides": [1, -1, 0],
        "conditions": [0, 0x800, u32::MAX]});
    hold(
        "ticks_trades",
        &ticks::encode_trades(&batch, &trades).unwrap(),
        &with(head.clone(), meaning),
    );
    let sizes = [0, NANOS, 2 * NANOS];
    let quotes = ticks::Quotes {
        bids: &prices[..],
        bid_quantities: &sizes[..],
        asks: &times[..],
        ask_quantities: &quantities[..],
    };
    let meaning = json!({"kind": "quote", "bids": prices, "bid_quantities": sizes, "asks": times,
        "ask_quantities": quantities});
    hold(
        "ticks_quotes",
        &ticks::encode_quotes(&batch, &quotes).unwrap(),
        &with(head, meaning),
    );
    let (starts, counts) = ([60 * NANOS, 120 * NANOS, 180 * NANOS], [3, 2, 1]);
    let bars = ticks::Bars {
        source: "exchange",
        symbol,
        interval_s: 60,
        starts: &starts[..],
        opens: &prices[..],
        highs: &times[..],
        lows: &sizes[..],
        closes: &quantities[..],
        volumes: &starts[..],
        vwaps: &prices[..],
        trades: &counts[..],
    };
    let meaning = json!({"source": "exchange", "symbol": "SPY", "interval_s": 60, "starts": starts, "opens": prices,
        "highs": times, "lows": sizes, "closes": quantities, "volumes": starts, "vwaps": prices, "trades": counts});
    hold("bars", &ticks::encode_bars(&bars).unwrap(), &meaning);
}
