//! Every value that is written is read again; equal values give equal bytes; damaged bytes never panic.
mod samples;
use cift_engine::*;
use cift_wire::record::NO_RECORD;
use cift_wire::{account, market, *};

fn meta(text: &str) -> Meta<'_> {
    Meta {
        trace: 0xabc << 90 | 1,
        span: u64::MAX,
        expires_at: 5,
        client_order_id: text,
    }
}

#[test]
fn every_command_is_read_as_it_was_written() {
    for chunk in samples::commands().chunks(limits::MAX_COMMANDS_PER_REQUEST) {
        let sent: Vec<_> = chunk
            .iter()
            .map(|&command| Envelope {
                meta: meta("my-order.1"),
                command,
            })
            .collect();
        let bytes = encode_commands(&sent);
        assert_eq!(bytes, encode_commands(&sent));
        let mut at = 0;
        let count = CommandBatch::open(&bytes).unwrap().for_each(|envelope| {
            assert_eq!(envelope, sent[at]);
            at += 1;
        });
        assert_eq!((count.unwrap(), at), (sent.len(), sent.len()));
    }
}

#[test]
fn too_many_commands_are_refused() {
    let one = Envelope {
        meta: Meta::default(),
        command: Command::AdvanceTime,
    };
    let bytes = encode_commands(&vec![one; limits::MAX_COMMANDS_PER_REQUEST + 1]);
    let error = CommandBatch::open(&bytes).unwrap().for_each(|_| {}).unwrap_err();
    assert_eq!(
        error,
        WireError::TooLong {
            what: "commands",
            limit: limits::MAX_COMMANDS_PER_REQUEST
        }
    );
}

#[test]
fn every_event_and_outcome_is_read_as_it_was_written() {
    let (commands, events, outcomes) = (samples::commands(), samples::events(), samples::outcomes());
    let entries: Vec<Entry<'_>> = commands
        .iter()
        .enumerate()
        .map(|(i, command)| Entry {
            meta: meta(if i % 2 == 0 { "" } else { "12345678" }),
            command,
            outcome: &outcomes[i % outcomes.len()],
            events: if i == 0 {
                &events
            } else {
                &events[i % events.len()..(i % events.len() + 2).min(events.len())]
            },
        })
        .collect();
    for state_hash in [None, Some([9; 32])] {
        let header = Header {
            format: 1,
            rules: 2,
            epoch: 3,
            previous_hash: blake3(b"before"),
            state_hash,
            timestamp: -4,
            first_command: 5,
        };
        let bytes = encode_record(&header, entries.iter().copied());
        let record = Record::open(&bytes).unwrap();
        assert_eq!(record.header().unwrap(), header);
        assert_eq!(record.len().unwrap(), entries.len());
        let mut at = 0;
        record
            .for_each::<WireError>(&mut Vec::new(), |envelope, outcome, events| {
                assert_eq!(
                    envelope,
                    Envelope {
                        meta: entries[at].meta,
                        command: *entries[at].command
                    }
                );
                assert_eq!((&outcome, events), (entries[at].outcome, entries[at].events));
                at += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(at, entries.len());
        assert_eq!(bytes, encode_record(&header, entries.iter().copied()));
    }
}

#[test]
fn a_record_may_be_empty() {
    let header = Header {
        format: 1,
        rules: 2,
        epoch: 1,
        previous_hash: NO_RECORD,
        state_hash: None,
        timestamp: 0,
        first_command: 1,
    };
    let bytes = encode_record(&header, std::iter::empty());
    assert!(Record::open(&bytes).unwrap().is_empty().unwrap());
}

#[test]
fn every_result_is_read_as_it_was_written() {
    let mut results: Vec<_> = samples::outcomes()
        .iter()
        .map(|outcome| CommandResult::sequenced(outcome, 8, 9, 10))
        .collect();
    results.push(CommandResult::unsequenced(Status::Unavailable, "queue_full"));
    results.push(CommandResult::unsequenced(Status::Unknown, "outcome_unknown"));
    assert_eq!(decode_results(&encode_results(&results)).unwrap(), results);
    assert_eq!(results[4].status, Status::Repeated);
    assert_eq!(results[3].reason, "insufficient_buying_power");
}

#[test]
fn every_market_and_account_message_is_read_as_it_was_written() {
    let origin = market::Origin {
        sequence: 5,
        index: 6,
        timestamp: 7,
    };
    let (symbol, account) = (samples::spy(), samples::ACCOUNT);
    let trade = market::Trade {
        origin,
        symbol,
        trade: 3,
        feed: 0,
        price: 5,
        quantity: 6,
        aggressor: Side::Sell,
    };
    assert_eq!(market::Trade::decode(&trade.encode()).unwrap(), trade);
    let quote = market::Quote {
        origin,
        symbol,
        bid: Some((4, 5)),
        ask: None,
        last: Some((6, 7, 8)),
        halted: true,
    };
    assert_eq!(market::Quote::decode(&quote.encode()).unwrap(), quote);
    let empty = market::Quote {
        bid: None,
        last: None,
        halted: false,
        ..quote
    };
    assert_eq!(market::Quote::decode(&empty.encode()).unwrap(), empty);
    let change = market::LevelChange {
        side: Side::Sell,
        price: 4,
        quantity: 0,
        orders: 0,
    };
    let delta = market::BookDelta {
        origin,
        symbol,
        changes: vec![change; 3],
        checksum: Some(0),
    };
    assert_eq!(market::BookDelta::decode(&delta.encode()).unwrap(), delta);
    let late = market::BookDelta {
        checksum: None,
        ..delta
    };
    assert_eq!(market::BookDelta::decode(&late.encode()).unwrap(), late);
    let level = Level {
        price: 1,
        quantity: 2,
        orders: 3,
    };
    let book = market::OrderBookSnapshot {
        sequence: 1,
        timestamp: 2,
        symbol,
        bids: vec![level; 2],
        asks: vec![],
    };
    assert_eq!(market::OrderBookSnapshot::decode(&book.encode()).unwrap(), book);

    let terms = account::OrderTerms {
        client_order_id: "mine".into(),
        symbol,
        side: Side::Sell,
        kind: OrderKind::StopLimit,
        time_in_force: TimeInForce::Gtd(-3),
        display_quantity: Some(7),
        post_only: true,
        reduce_only: true,
        self_trade_prevention: SelfTradePrevention::CancelBoth,
        parent: Some(OrderId(1 << 100)),
        class: account::OrderClassName::Bracket,
        legs: [Some(OrderId(3)), Some(OrderId(1 << 90))],
    };
    let order = account::Order {
        origin,
        change: account::OrderChange::Accepted,
        account,
        order: samples::ORDER,
        terms: Some(terms.clone()),
        status: OrderStatus::New,
        reason: None,
        refusal: None,
        quantity: 5,
        filled: 1,
        filled_notional: 1 << 99,
        limit_price: Some(6),
        stop_price: None,
        trail: Some(Trail::Ppm(5)),
    };
    for class in account::OrderClassName::ALL {
        for change in account::OrderChange::ALL {
            let terms = (change != account::OrderChange::Closed).then(|| account::OrderTerms {
                class,
                client_order_id: String::new(),
                parent: None,
                legs: [None, None],
                ..terms.clone()
            });
            let changed = account::Order {
                change,
                terms,
                reason: Some(CloseReason::ByUser),
                refusal: Some(Refusal::PositionLimit),
                stop_price: Some(8),
                trail: None,
                ..order.clone()
            };
            assert_eq!(account::Order::decode(&changed.encode()).unwrap(), changed);
        }
    }
    assert_eq!(account::Order::decode(&order.encode()).unwrap(), order);
    let bar = market::Bar {
        origin,
        symbol,
        start: -60,
        open: 1,
        high: 2,
        low: 3,
        close: 4,
        volume: 5,
        turnover: 1 << 99,
        trades: 6,
    };
    assert_eq!(market::Bar::decode(&bar.encode()).unwrap(), bar);
    let fill = account::Fill {
        origin,
        account,
        order: samples::ORDER,
        symbol,
        trade: 4,
        side: Side::Sell,
        maker: true,
        price: 5,
        quantity: 6,
        fee: -7,
        filled: 8,
        leaves: 9,
        filled_notional: 1 << 99,
        cash: -(1 << 99),
        position: -4,
        cost: 1 << 98,
        realized: -(1 << 97),
    };
    assert_eq!(account::Fill::decode(&fill.encode()).unwrap(), fill);
    let position = account::Position {
        origin,
        account,
        symbol,
        quantity: -1,
        cost: -2,
        realized: -3,
    };
    assert_eq!(account::Position::decode(&position.encode()).unwrap(), position);
    let cash = account::Cash {
        origin,
        account,
        transfer: TransferId(3),
        kind: CashKind::Dividend,
        amount: -1,
        cash: 2,
    };
    assert_eq!(account::Cash::decode(&cash.encode()).unwrap(), cash);
    let signal = account::Signal {
        timestamp: 1,
        symbol,
        model: "mean".into(),
        value: -5,
        confidence: 6,
        horizon_ns: 7,
    };
    assert_eq!(account::Signal::decode(&signal.encode()).unwrap(), signal);
}

/// Truncated, extended and bit-flipped messages give an error or some other value, never a panic or a long walk.
#[test]
fn damaged_messages_do_not_panic() {
    let sent: Vec<_> = samples::commands()
        .into_iter()
        .map(|command| Envelope {
            meta: meta("x"),
            command,
        })
        .collect();
    let request = encode_commands(&sent);
    let read = |bytes: &[u8]| CommandBatch::open(bytes).and_then(|b| b.for_each(|_| {})).is_ok();
    assert!(read(&request));
    for end in 0..request.len() {
        assert!(!read(&request[..end]), "a request truncated at {end} was accepted");
    }
    assert!(!read(&[&request[..], &[0; 8]].concat()));
    let mut seed = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..20_000 {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let mut damaged = request.clone();
        let bit = (seed >> 20) as usize % (damaged.len() * 8);
        damaged[bit / 8] ^= 1 << (bit % 8);
        read(&damaged);
    }
}

#[test]
fn digests_cover_what_the_client_chose_and_nothing_else() {
    let place = samples::place();
    let digest = |p: PlaceOrder| body_digest(&Command::PlaceOrder(p));
    assert_eq!(
        digest(place),
        digest(PlaceOrder {
            order: OrderId(5),
            request: None,
            ..place
        })
    );
    for other in [
        PlaceOrder { quantity: 1, ..place },
        PlaceOrder {
            limit_price: None,
            ..place
        },
        PlaceOrder {
            stop_price: Some(0),
            ..place
        },
        PlaceOrder {
            side: Side::Sell,
            ..place
        },
        PlaceOrder {
            time_in_force: TimeInForce::Gtd(1),
            ..place
        },
        PlaceOrder {
            post_only: true,
            ..place
        },
        PlaceOrder {
            reduce_only: true,
            ..place
        },
        PlaceOrder {
            account: samples::OTHER,
            ..place
        },
        PlaceOrder {
            trail: Some(Trail::Amount(1)),
            ..place
        },
    ] {
        assert_ne!(digest(place), digest(other), "{other:?}");
    }
    let key = request_key(samples::ACCOUNT, "place_order", "a");
    assert_ne!(key, request_key(samples::OTHER, "place_order", "a"));
    assert_ne!(key, request_key(samples::ACCOUNT, "cancel_order", "a"));
    assert_ne!(key, request_key(samples::ACCOUNT, "place_order", "b"));
}

#[test]
fn symbols_and_uuids_are_parsed_strictly() {
    use cift_wire::text::*;
    assert_eq!(symbol_str(&parse_symbol("BRK.B").unwrap()), "BRK.B");
    assert_eq!(subject_symbol(&parse_symbol("BTC/USD").unwrap()), "BTC-USD");
    assert_eq!(
        symbol_str(&parse_symbol("ABCDEFGHIJKLMNOP").unwrap()),
        "ABCDEFGHIJKLMNOP"
    );
    for bad in ["", "spy", "S PY", "ABCDEFGHIJKLMNOPQ", "É"] {
        assert!(parse_symbol(bad).is_none(), "{bad}");
    }
    let text = "01900000-0000-7000-8000-000000000001";
    assert_eq!(uuid_text(parse_uuid(text).unwrap()), text);
    assert_eq!(parse_uuid(&text.replace('-', "")), parse_uuid(text));
    for bad in [
        "",
        "0190",
        "0190000000000-7000-8000-000000000001",
        "01900000-0000-7000-8000-00000000000g",
    ] {
        assert!(parse_uuid(bad).is_none(), "{bad}");
    }
}
