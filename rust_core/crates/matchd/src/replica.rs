//! The engine at a position in the journal, and the replay that advances it.
//!
//! Replay derives the events again: it applies the commands of a record, encodes the record from the
//! results and compares the two byte by byte. It halts at the first difference, because a state that does
//! not follow from the journal must not be used.
use crate::batch::Batch;
use crate::fault::Fault;
use crate::quarantine;
use crate::segment::hex;
use crate::settings::{WARM_BOOKS, WARM_BOOK_ORDERS, WARM_BOOK_TICKS, WARM_ORDERS, WARM_REQUESTS};
use cift_engine::{AccountId, Command, Engine, Event, Timestamp};
use cift_wire::command::account_of;
use cift_wire::limits::{FORMAT, RULES};
use cift_wire::record::{Header, NO_RECORD};
use cift_wire::{blake3, Record, RecordHash, WireError};
use std::collections::HashMap;
use std::panic::{catch_unwind, AssertUnwindSafe};

/// The journal sequence that last changed each account. The engine bounds the number of accounts
/// (`accounts_full`).
#[derive(Default)]
pub struct AccountSequences {
    /// The record of the snapshot, returned for accounts without a change since then. Their last change is at or
    /// before it.
    snapshot_sequence: u64,
    changed: HashMap<AccountId, u64>,
    last: (AccountId, u64),
}
impl AccountSequences {
    pub fn get(&self, account: AccountId) -> u64 {
        self.changed.get(&account).copied().unwrap_or(self.snapshot_sequence)
    }
    /// Notes the accounts that one command and its events change.
    pub fn note(&mut self, sequence: u64, command: &Command, events: &[Event]) {
        if let Some(account) = account_of(command) {
            self.set_changed(account, sequence);
        }
        for event in events {
            match event {
                Event::AccountOpened { account, .. }
                | Event::LimitsSet { account, .. }
                | Event::AccountStateSet { account, .. }
                | Event::CashMoved { account, .. }
                | Event::PositionMoved { account, .. }
                | Event::OrderActivated { account, .. }
                | Event::OrderAdjusted { account, .. }
                | Event::OrderReplaced { account, .. }
                | Event::OrderClosed { account, .. } => self.set_changed(*account, sequence),
                Event::OrderAccepted(accepted) => self.set_changed(accepted.account, sequence),
                Event::TradeExecuted { maker, taker, .. } => {
                    self.set_changed(maker.account, sequence);
                    self.set_changed(taker.account, sequence);
                }
                _ => {}
            }
        }
    }
    fn set_changed(&mut self, account: AccountId, sequence: u64) {
        // Most events of a command are about the account that changed last.
        if self.last != (account, sequence) {
            self.changed.insert(account, sequence);
            self.last = (account, sequence);
        }
    }
}

pub struct Replica {
    pub engine: Engine,
    /// Journal sequence of the last applied record.
    pub sequence: u64,
    /// blake3 of that record.
    pub hash: RecordHash,
    pub timestamp: Timestamp,
    /// Highest epoch of any record.
    pub epoch: u64,
    /// Version of the rules in force.
    pub rules: u32,
    pub accounts: AccountSequences,
    /// Books with reserved capacity; `None` if latency does not matter (verify).
    warm_books: Option<usize>,
    scratch: Batch,
    events: Vec<Event>,
    state: Vec<u8>,
}

impl Replica {
    /// The state before the first record.
    pub fn empty() -> Replica {
        Replica::at(Engine::new(), 0, NO_RECORD, 0, 0, RULES)
    }
    /// The state after record `sequence`.
    pub fn at(
        engine: Engine,
        sequence: u64,
        hash: RecordHash,
        timestamp: Timestamp,
        epoch: u64,
        rules: u32,
    ) -> Replica {
        Replica {
            engine,
            sequence,
            hash,
            timestamp,
            epoch,
            rules,
            accounts: AccountSequences {
                snapshot_sequence: sequence,
                ..Default::default()
            },
            warm_books: None,
            scratch: Batch::default(),
            events: Vec::new(),
            state: Vec::new(),
        }
    }

    /// Reserves capacity in the engine before it is needed, now and for each book that is defined later.
    /// The state and its bytes stay the same.
    pub fn warm_up(&mut self) {
        self.engine.warm_up(WARM_ORDERS, WARM_REQUESTS);
        self.warm_books = Some(0);
        self.warm_up_books();
    }

    fn warm_up_books(&mut self) {
        let Some(warm) = self.warm_books else { return };
        let known = self.engine.instruments().len().min(WARM_BOOKS);
        for at in warm..known {
            let symbol = self.engine.instruments()[at].symbol;
            self.engine.warm_up_book(symbol, WARM_BOOK_ORDERS, WARM_BOOK_TICKS);
        }
        self.warm_books = Some(known);
    }

    /// The engine's snapshot bytes and their blake3 hash.
    pub fn state(&mut self) -> (RecordHash, &[u8]) {
        self.state.clear();
        self.engine.snapshot(&mut self.state);
        (blake3(&self.state), &self.state)
    }

    /// Applies record `sequence`. The error is a [`Fault::Halt`] that states what differs and where.
    pub fn replay(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), Fault> {
        let halt = |text: String| Fault::Halt(format!("record {sequence} of the journal {text}"));
        let unreadable = |error: WireError| halt(format!("cannot be read: {error}"));
        if sequence != self.sequence + 1 {
            return Err(halt(format!(
                "does not follow record {}: there is a gap",
                self.sequence
            )));
        }
        let record = Record::open(bytes).map_err(unreadable)?;
        let header = record.header().map_err(unreadable)?;
        self.check_header(&header).map_err(halt)?;
        self.scratch.begin(header.timestamp, header.first_command);
        let (engine, scratch) = (&mut self.engine, &mut self.scratch);
        let mut difference = None;
        record
            .for_each::<WireError>(&mut self.events, |envelope, outcome, events| {
                if difference.is_some() {
                    return Ok(());
                }
                let before = scratch.events().len();
                let applied = catch_unwind(AssertUnwindSafe(|| {
                    scratch.apply(engine, &envelope.meta, &envelope.command)
                }));
                let Ok((command, derived)) = applied else {
                    let hash = hex(&quarantine::hash(&envelope.command));
                    difference = Some(format!(
                        "cannot be replayed: the engine panics on command {hash}: {:?}",
                        envelope.command
                    ));
                    return Ok(());
                };
                if derived != outcome || scratch.events()[before..] != *events {
                    difference = Some(format!(
                        "differs at command {command}: {:?} yields {derived:?} and {:?}, the journal has {outcome:?} and {events:?}",
                        envelope.command, &scratch.events()[before..],
                    ));
                }
                Ok(())
            })
            .map_err(unreadable)?;
        if let Some(difference) = difference {
            return Err(halt(difference));
        }
        let encoded = scratch.message(header.rules, header.epoch, header.previous_hash, header.state_hash);
        let message = record.message();
        if encoded != message {
            let at = encoded
                .iter()
                .zip(message)
                .position(|(a, b)| a != b)
                .unwrap_or(encoded.len().min(message.len()));
            return Err(halt(format!(
                "differs from what its commands yield, first at byte {at} of its message"
            )));
        }
        let batch = std::mem::take(&mut self.scratch);
        for entry in batch.entries() {
            self.accounts.note(sequence, entry.command, entry.events);
        }
        self.advance(sequence, &batch);
        self.scratch = batch;
        self.hash = blake3(bytes);
        self.epoch = header.epoch;
        if let Some(expected) = header.state_hash {
            if self.state().0 != expected {
                return Err(halt(
                    "leads to a state whose hash differs from the one in the record".into(),
                ));
            }
        }
        Ok(())
    }

    /// Checks that a record follows the state. The error completes the sentence "record n of the journal …".
    fn check_header(&self, header: &Header) -> Result<(), String> {
        if header.rules < RULES {
            return Err(format!(
                "was written under version {} of the rules, which this release cannot replay. Start the release that \
                 wrote it, or start this one with an empty data folder",
                header.rules
            ));
        }
        if header.format > FORMAT || header.rules > RULES {
            return Err(format!(
                "has format {} and rules {}; this program supports up to {FORMAT} and {RULES}: start a newer release",
                header.format, header.rules
            ));
        }
        if header.previous_hash != self.hash {
            return Err("does not carry the hash of the record before it: the hash chain is broken".into());
        }
        if header.epoch < self.epoch {
            return Err(format!("has epoch {} after epoch {}", header.epoch, self.epoch));
        }
        if header.timestamp < self.timestamp {
            return Err(format!(
                "has timestamp {} before timestamp {} of the record before it",
                header.timestamp, self.timestamp
            ));
        }
        if header.first_command != self.engine.sequence() + 1 {
            return Err(format!(
                "starts with command {}, expected {}",
                header.first_command,
                self.engine.sequence() + 1
            ));
        }
        if header.rules != self.rules {
            return Err(format!(
                "was written under rules {}, but rules {} are in force",
                header.rules, self.rules
            ));
        }
        Ok(())
    }

    /// Advances the position over a batch that was applied to `engine` and noted in `accounts`. The caller
    /// sets the record's hash and epoch.
    pub fn advance(&mut self, sequence: u64, batch: &Batch) {
        for event in batch.events() {
            if let Event::RulesSet { version } = event {
                self.rules = *version;
            }
        }
        self.sequence = sequence;
        self.timestamp = batch.timestamp();
        self.warm_up_books();
    }
}
