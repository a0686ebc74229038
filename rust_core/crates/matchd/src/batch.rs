//! Commands with their outcomes and events on the way into one record. A batch reuses its buffers.
use cift_engine::{Command, Engine, Event, Outcome, Timestamp};
use cift_wire::record::{entry_words, Header};
use cift_wire::{encode_record, record_message, Entry, Meta, RecordHash};
use std::ops::Range;

#[derive(Clone)]
struct BatchedCommand {
    trace: u128,
    span: u64,
    expires_at: i64,
    client_order_id: Range<u32>,
    command: Command,
    outcome: Outcome,
    events: Range<u32>,
}

/// `words` is the exact size of the entries, so that closing a batch by size needs no encoding.
#[derive(Default)]
pub struct Batch {
    commands: Vec<BatchedCommand>,
    events: Vec<Event>,
    client_order_ids: String,
    words: usize,
    timestamp: Timestamp,
    first_command: u64,
}

impl Batch {
    pub fn is_empty(&self) -> bool {
        self.commands.is_empty()
    }
    pub fn len(&self) -> usize {
        self.commands.len()
    }
    /// Bytes of the record so far, without the header.
    pub fn bytes(&self) -> usize {
        self.words * 8
    }
    pub fn timestamp(&self) -> Timestamp {
        self.timestamp
    }
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Starts a record. All its commands have this timestamp.
    pub fn begin(&mut self, timestamp: Timestamp, first_command: u64) {
        self.commands.clear();
        self.events.clear();
        self.client_order_ids.clear();
        self.words = 0;
        self.timestamp = timestamp;
        self.first_command = first_command;
    }

    /// Applies the next command. Returns its sequence and its outcome, which is provisional while the
    /// engine needs `Continue`. The sequence is 0 if the command left no trace: then it is not part of the
    /// record.
    pub fn apply(&mut self, engine: &mut Engine, meta: &Meta<'_>, command: &Command) -> (u64, Outcome) {
        let sequence = self.first_command + self.commands.len() as u64;
        let begin = self.events.len();
        let outcome = engine.apply(sequence, self.timestamp, command, &mut self.events);
        if !engine.left_a_trace() {
            self.events.truncate(begin);
            return (0, outcome);
        }
        self.words += entry_words(meta, command, &outcome, &self.events[begin..]);
        let start = self.client_order_ids.len() as u32;
        self.client_order_ids.push_str(meta.client_order_id);
        self.commands.push(BatchedCommand {
            trace: meta.trace,
            span: meta.span,
            expires_at: meta.expires_at,
            client_order_id: start..self.client_order_ids.len() as u32,
            command: *command,
            outcome,
            events: begin as u32..self.events.len() as u32,
        });
        (sequence, outcome)
    }

    /// The record's entries in order, borrowed.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = Entry<'_>> + Clone {
        self.commands.iter().map(|each| Entry {
            meta: Meta {
                trace: each.trace,
                span: each.span,
                expires_at: each.expires_at,
                client_order_id: &self.client_order_ids
                    [each.client_order_id.start as usize..each.client_order_id.end as usize],
            },
            command: &each.command,
            outcome: &each.outcome,
            events: &self.events[each.events.start as usize..each.events.end as usize],
        })
    }

    /// Encodes the record in its stored form.
    pub fn encode(&self, rules: u32, epoch: u64, previous_hash: RecordHash, state_hash: Option<RecordHash>) -> Vec<u8> {
        encode_record(&self.header(rules, epoch, previous_hash, state_hash), self.entries())
    }

    /// The record's message, before it is packed.
    pub fn message(
        &self,
        rules: u32,
        epoch: u64,
        previous_hash: RecordHash,
        state_hash: Option<RecordHash>,
    ) -> Vec<u8> {
        record_message(&self.header(rules, epoch, previous_hash, state_hash), self.entries())
    }

    fn header(&self, rules: u32, epoch: u64, previous_hash: RecordHash, state_hash: Option<RecordHash>) -> Header {
        Header {
            format: cift_wire::limits::FORMAT,
            rules,
            epoch,
            previous_hash,
            state_hash,
            timestamp: self.timestamp,
            first_command: self.first_command,
        }
    }
}
