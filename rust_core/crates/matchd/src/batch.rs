//! Commands with their outcomes and events on the way into one record. Buffers are kept between batches.
use cift_engine::{Command, Engine, Event, Outcome, Timestamp};
use cift_wire::record::{entry_words, Header};
use cift_wire::{encode_record, Entry, Meta, RecordHash};
use std::ops::Range;

#[derive(Clone)]
struct Item {
    trace: u128,
    span: u64,
    expires_at: i64,
    client_order_id: Range<u32>,
    command: Command,
    outcome: Outcome,
    events: Range<u32>,
}

/// See the module's header. `words` is kept exactly, so closing by size needs no encoding.
#[derive(Default)]
pub struct Batch {
    items: Vec<Item>,
    events: Vec<Event>,
    text: String,
    words: usize,
    timestamp: Timestamp,
    first_command: u64,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
    pub fn len(&self) -> usize {
        self.items.len()
    }
    /// Bytes of the record as it stands, header apart.
    pub fn bytes(&self) -> usize {
        self.words * 8
    }
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Begins a record: the time that all its commands have.
    pub fn begin(&mut self, timestamp: Timestamp, first_command: u64) {
        self.items.clear();
        self.events.clear();
        self.text.clear();
        self.words = 0;
        self.timestamp = timestamp;
        self.first_command = first_command;
    }

    /// Applies the next command. Gives its sequence and (provisional while the engine needs `Continue`) outcome.
    pub fn apply(&mut self, engine: &mut Engine, meta: &Meta<'_>, command: &Command) -> (u64, Outcome) {
        let sequence = self.first_command + self.items.len() as u64;
        let begin = self.events.len();
        let outcome = engine.apply(sequence, self.timestamp, command, &mut self.events);
        self.words += entry_words(meta, command, &outcome, &self.events[begin..]);
        let text = self.text.len() as u32;
        self.text.push_str(meta.client_order_id);
        self.items.push(Item {
            trace: meta.trace,
            span: meta.span,
            expires_at: meta.expires_at,
            client_order_id: text..self.text.len() as u32,
            command: *command,
            outcome,
            events: begin as u32..self.events.len() as u32,
        });
        (sequence, outcome)
    }

    /// Entries in order, by reference.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + Clone {
        self.items.iter().map(|item| Entry {
            meta: Meta {
                trace: item.trace,
                span: item.span,
                expires_at: item.expires_at,
                client_order_id: &self.text[item.client_order_id.start as usize..item.client_order_id.end as usize],
            },
            command: &item.command,
            outcome: &item.outcome,
            events: &self.events[item.events.start as usize..item.events.end as usize],
        })
    }

    /// The record's bytes.
    pub fn encode(&self, rules: u32, epoch: u64, previous_hash: RecordHash, state_hash: Option<RecordHash>) -> Vec<u8> {
        let header = Header {
            format: cift_wire::limits::FORMAT,
            rules,
            epoch,
            previous_hash,
            state_hash,
            timestamp: self.timestamp,
            first_command: self.first_command,
        };
        encode_record(&header, self.entries())
    }
}
