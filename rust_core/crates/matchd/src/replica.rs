//! The engine at a place of the journal, and the replay that moves it on.
//!
//! Replay re-derives: it applies a record's commands, writes the record again from what came out, and compares the two
//! messages byte by byte. It halts at the first that differs; a state built on another's events is worse than none.
use crate::batch::Batch;
use crate::fault::Fault;
use crate::settings::{WARM_BOOKS, WARM_BOOK_ORDERS, WARM_BOOK_TICKS, WARM_ORDERS, WARM_REQUESTS};
use cift_engine::{AccountId, Command, Engine, Event, Timestamp};
use cift_wire::command::account_of;
use cift_wire::limits::{FORMAT, RULES};
use cift_wire::record::NO_RECORD;
use cift_wire::{blake3, Record, RecordHash, WireError};
use std::collections::HashMap;

/// Journal sequence that last touched each account. Accounts are bounded by the engine (`accounts_full`).
#[derive(Default)]
pub struct AccountSequences {
    /// What is answered for accounts not touched since the snapshot: its record. Never too low.
    floor: u64,
    touched: HashMap<AccountId, u64>,
    last: (AccountId, u64),
}
impl AccountSequences {
    pub fn of(&self, account: AccountId) -> u64 {
        self.touched.get(&account).copied().unwrap_or(self.floor)
    }
    /// Notes the accounts of one command and its events.
    pub fn note(&mut self, sequence: u64, command: &Command, events: &[Event]) {
        if let Some(account) = account_of(command) {
            self.touch(account, sequence);
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
                | Event::OrderClosed { account, .. } => self.touch(*account, sequence),
                Event::OrderAccepted(accepted) => self.touch(accepted.account, sequence),
                Event::TradeExecuted { maker, taker, .. } => {
                    self.touch(maker.account, sequence);
                    self.touch(taker.account, sequence);
                }
                _ => {}
            }
        }
    }
    fn touch(&mut self, account: AccountId, sequence: u64) {
        // Most events of a command are about the account that was touched last.
        if self.last != (account, sequence) {
            self.touched.insert(account, sequence);
            self.last = (account, sequence);
        }
    }
}

/// See the module's header.
pub struct Replica {
    pub engine: Engine,
    /// Journal sequence of the last record applied.
    pub sequence: u64,
    /// blake3 of that record.
    pub hash: RecordHash,
    pub timestamp: Timestamp,
    /// Highest epoch of any record.
    pub epoch: u64,
    /// Rules in force.
    pub rules: u32,
    pub accounts: AccountSequences,
    /// Books that have their room; `None` where nobody waits for an answer (verify).
    warm_books: Option<usize>,
    scratch: Batch,
    events: Vec<Event>,
    state: Vec<u8>,
}

impl Replica {
    /// Before the first record.
    pub fn empty() -> Replica {
        Replica::at(Engine::new(), 0, NO_RECORD, 0, 0, 1)
    }
    /// After record `sequence`.
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
                floor: sequence,
                ..Default::default()
            },
            warm_books: None,
            scratch: Batch::default(),
            events: Vec::new(),
            state: Vec::new(),
        }
    }

    /// Makes room in the engine before it is needed, now and for each book that is defined from now on. The state and
    /// its bytes stay the same.
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

    /// blake3 of the engine's snapshot bytes, which stay in the returned slice.
    pub fn state(&mut self) -> (RecordHash, &[u8]) {
        self.state.clear();
        self.engine.snapshot(&mut self.state);
        (blake3(&self.state), &self.state)
    }

    /// Applies record `sequence`. An error is a [`Fault::Halt`] that says what differs and where.
    pub fn replay(&mut self, sequence: u64, bytes: &[u8]) -> Result<(), Fault> {
        let halt = |text: String| Fault::Halt(format!("record {sequence} of the journal {text}"));
        let wire = |error: WireError| halt(format!("cannot be read: {error}"));
        if sequence != self.sequence + 1 {
            return Err(halt(format!("follows record {}: there is a gap", self.sequence)));
        }
        let record = Record::open(bytes).map_err(wire)?;
        let header = record.header().map_err(wire)?;
        if header.format > FORMAT || header.rules > RULES {
            return Err(halt(format!(
                "has format {} and rules {}; this program knows {FORMAT} and {RULES}: start a newer one",
                header.format, header.rules
            )));
        }
        if header.previous_hash != self.hash {
            return Err(halt(
                "does not name the record before it: the chain of hashes is broken".into(),
            ));
        }
        if header.epoch < self.epoch {
            return Err(halt(format!("has epoch {} after epoch {}", header.epoch, self.epoch)));
        }
        if header.timestamp < self.timestamp {
            return Err(halt("is older than the record before it".into()));
        }
        if header.first_command != self.engine.sequence() + 1 {
            return Err(halt(format!(
                "begins with command {}, expected {}",
                header.first_command,
                self.engine.sequence() + 1
            )));
        }
        if header.rules != self.rules {
            return Err(halt(format!(
                "was made by rules {}, in force are {}",
                header.rules, self.rules
            )));
        }
        self.scratch.begin(header.timestamp, header.first_command);
        let (engine, scratch) = (&mut self.engine, &mut self.scratch);
        let mut difference = None;
        record
            .for_each::<WireError>(&mut self.events, |envelope, outcome, events| {
                if difference.is_some() {
                    return Ok(());
                }
                let before = scratch.events().len();
                let (command, derived) = scratch.apply(engine, &envelope.meta, &envelope.command);
                if derived != outcome || scratch.events()[before..] != *events {
                    difference = Some(format!(
                        "differs at command {command}: {:?} gives {derived:?} and {:?}, the journal has {outcome:?} and {events:?}",
                        envelope.command, &scratch.events()[before..],
                    ));
                }
                Ok(())
            })
            .map_err(wire)?;
        if let Some(difference) = difference {
            return Err(halt(difference));
        }
        let again = scratch.encode(header.rules, header.epoch, header.previous_hash, header.state_hash);
        if again != bytes {
            let at = again
                .iter()
                .zip(bytes)
                .position(|(a, b)| a != b)
                .unwrap_or(again.len().min(bytes.len()));
            return Err(halt(format!("differs from what its commands give, first at byte {at}")));
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
                return Err(halt("gives another state hash than it says".into()));
            }
        }
        Ok(())
    }

    /// Moves on over a batch that was applied to `engine` and noted in `accounts`: all but the record's hash and epoch.
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
