//! Idempotency: what was answered to which request key, and for how long it is remembered.
//!
//! A record lives as long as the order it placed, then 24 hours; one without an order 24 hours from
//! its command. Time never falls, so the queue of ends is sorted by itself. A few of the expired are
//! dropped at the start of each command: the store is bounded, and no command pays for many.

use crate::index::FlatIndex;
use crate::types::*;
use std::collections::VecDeque;

pub(crate) const MAX_REQUESTS: usize = 4_194_304;
pub(crate) const KEPT_NS: i64 = 24 * 3_600 * NANOS;
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
    /// (time of the end of its keep, slot), sorted by time.
    pub ends: VecDeque<(Timestamp, u32)>,
    live: usize,
}

impl Requests {
    pub fn new() -> Requests {
        Requests {
            slots: Vec::new(),
            free: Vec::new(),
            index: FlatIndex::with_bits(12),
            ends: VecDeque::new(),
            live: 0,
        }
    }

    #[inline]
    pub fn find(&self, key: u128) -> Option<&Record> {
        let slot = self.index.find(key, |slot| self.slots[slot as usize].key == key)?;
        Some(&self.slots[slot as usize])
    }

    pub fn is_full(&self) -> bool {
        self.live >= MAX_REQUESTS
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
        self.live += 1;
        slot
    }

    /// Room for so many without growing; memory is touched now rather than later.
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
            self.ends.reserve(requests);
        }
        self.index.warm_up(requests);
    }

    /// From now on the record waits for its end.
    #[inline]
    pub fn ended(&mut self, slot: u32, now: Timestamp) {
        self.ends.push_back((now.saturating_add(KEPT_NS), slot));
    }

    /// Drops a few of those whose time has come, oldest first.
    #[inline]
    pub fn expire(&mut self, now: Timestamp) {
        for _ in 0..DROPPED_PER_COMMAND {
            match self.ends.front() {
                Some(&(at, slot)) if at <= now => {
                    self.ends.pop_front();
                    self.index.remove(self.slots[slot as usize].key, slot);
                    self.free.push(slot);
                    self.live -= 1;
                }
                _ => break,
            }
        }
    }
}
