//! What a journaled command takes.
use cift_engine::{Command, Engine, Event, Outcome};
use cift_sim::workload::{market_maker, MarketMaker};
use cift_wire::{encode_record, record_message, Entry, Header, Meta, Record};

/// Bytes of a command in records of `batch` commands: stored, and as messages.
fn bytes_each(batch: usize) -> (usize, usize) {
    let (setup, flow) = market_maker(MarketMaker {
        accounts: 64,
        commands: 5_000,
        seed: 1,
        keys: true,
    });
    let mut engine = Engine::new();
    let mut events = Vec::new();
    let mut sequence = 0;
    let mut apply = |at: i64, command: &Command| -> Option<(Command, Outcome, Vec<Event>)> {
        events.clear();
        let outcome = engine.apply(sequence + 1, at, command, &mut events);
        engine.left_a_trace().then(|| {
            sequence += 1;
            (*command, outcome, events.clone())
        })
    };
    for (at, command) in &setup {
        apply(*at, command).unwrap();
    }
    let (mut stored, mut messages, mut count) = (0, 0, 0);
    for chunk in flow.chunks(batch) {
        let at = chunk.last().unwrap().0;
        let applied: Vec<_> = chunk.iter().filter_map(|(_, command)| apply(at, command)).collect();
        let header = Header {
            format: 1,
            rules: 2,
            epoch: 1,
            previous_hash: [0x5a; 32],
            state_hash: None,
            timestamp: at,
            first_command: count as u64 + 1,
        };
        let entries = applied.iter().map(|(command, outcome, events)| Entry {
            meta: Meta {
                trace: 0,
                span: 0,
                expires_at: 0,
                client_order_id: "",
            },
            command,
            outcome,
            events,
        });
        let record = encode_record(&header, entries.clone());
        let message = record_message(&header, entries);
        assert!(Record::open(&record).unwrap().message() == message);
        (stored, messages, count) = (stored + record.len(), messages + message.len(), count + applied.len());
    }
    (stored / count, messages / count)
}

#[test]
fn a_keyed_order_takes_180_bytes_in_a_record_of_many_and_280_alone() {
    let (stored, message) = bytes_each(100);
    assert!(stored <= 180 && message > 600, "{stored} of {message}");
    let (stored, message) = bytes_each(1);
    assert!(stored <= 280 && stored * 5 <= message * 2, "{stored} of {message}");
}
