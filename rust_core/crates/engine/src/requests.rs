//! Idempotency: the first result of each request key.
//!
//! The record of a place is kept as long as its order is open, and 24 hours after that. Every other record
//! is kept 24 hours after its command. Time never decreases, so `expiries` is sorted without further work.
//! Each command drops at most `DROPPED_PER_COMMAND` expired records at its start, so the store is bounded
//! and no command pays for many.

use crate::index::FlatIndex;
use crate::types::*;
use std::collections::VecDeque;

pub(crate) const MAX_REQUESTS: usize = 4_194_304;
const DROPPED_PER_COMMAND: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub key: u128,
    pub body: u128,
    pub first: FirstResult,
}

pub(crate) struct Requests {
    pub slots: Vec<Record>,
    free: Vec<u32>,
    index: FlatIndex,
    /// (time of expiry, slot), sorted by time.
    pub expiries: VecDeque<(Timestamp, u32)>,
    count: usize,
}

impl Requests {
    pub fn new() -> Requests {
        Requests {
            slots: Vec::new(),
            free: Vec::new(),
            index: FlatIndex::with_bits(12),
            expiries: VecDeque::new(),
            count: 0,
        }
    }

    #[inline]
    pub fn find(&self, key: u128) -> Option<&Record> {
        let slot = self.index.find(key, |slot| self.slots[slot as usize].key == key)?;
        Some(&self.slots[slot as usize])
    }

    pub fn is_full(&self) -> bool {
        self.count >= MAX_REQUESTS
    }

    pub fn insert(&mut self, record: Record) -> u32 {
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = record;
                slot
            }
            None => {
                self.slots.push(record);
                (self.slots.len() - 1) as u32
            }
        };
        self.index.insert(record.key, slot);
        self.count += 1;
        slot
    }

    /// Allocates and touches memory for this many records in advance.
    pub fn warm_up(&mut self, requests: usize) {
        let used = self.slots.len();
        if used < requests {
            let first = FirstResult {
                sequence: 0,
                at: 0,
                order: None,
                affected: 0,
                refusal: None,
            };
            self.slots.resize(requests, Record { key: 0, body: 0, first });
            self.slots.truncate(used);
            self.free.reserve(requests);
            self.expiries.reserve(requests);
        }
        self.index.warm_up(requests);
    }

    /// Starts the retention of a record: it expires after `REQUEST_RETENTION_NS`.
    #[inline]
    pub fn start_expiry(&mut self, slot: u32, now: Timestamp) {
        self.expiries
            .push_back((now.saturating_add(REQUEST_RETENTION_NS), slot));
    }

    /// Drops a few expired records, oldest expiry first.
    #[inline]
    pub fn expire(&mut self, now: Timestamp) {
        for _ in 0..DROPPED_PER_COMMAND {
            match self.expiries.front() {
                Some(&(at, slot)) if at <= now => {
                    self.expiries.pop_front();
                    self.index.remove(self.slots[slot as usize].key, slot);
                    self.free.push(slot);
                    self.count -= 1;
                }
                _ => break,
            }
        }
    }
}
