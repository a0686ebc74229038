//! Idempotency: the first result of each request key.
//!
//! The record of a place is kept as long as its order is open, and 24 hours after that. Every other record
//! is kept 24 hours after its command. Time never decreases, so the list of expiries is sorted without
//! further work.
//!
//! # Bounds
//! An account has at most [`MAX_REQUESTS_PER_ACCOUNT`] records, all accounts together [`MAX_REQUESTS`]. At a
//! bound the oldest record of the same account makes place for the new one. So no account can take the
//! memory of another.
//!
//! # Memory
//! A record takes two cache lines (128 bytes), and its index entry 16 to 32 bytes. Records are in blocks that
//! are never moved, and the index is in tables that grow one by one, so no command pays for the growth of a
//! large store.

use crate::index::FlatIndex;
use crate::ladder::NIL;
use crate::types::*;

/// Records kept for one account.
pub const MAX_REQUESTS_PER_ACCOUNT: u32 = 1 << 20;
/// Records kept in all: 20 million a day and a reserve.
pub const MAX_REQUESTS: usize = 1 << 25;
/// Expired records that one command drops.
const DROPPED_PER_COMMAND: usize = 8;
const BLOCK: usize = 1 << 14;
const TABLES: usize = 256;

/// A first result with its key and the digest of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub key: u128,
    pub body: u128,
    /// Slot of the account that sent the command.
    pub account: u32,
    pub first: FirstResult,
}

/// The stored form of a [`Record`]. Wide integers are halves of 64 bits, so that it needs no padding.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
struct Stored {
    key: [u64; 2],
    /// Two different bodies of one key agree in these 64 bits with a probability of 5e-20.
    body: u64,
    sequence: u64,
    at: Timestamp,
    /// `i64::MAX` while the order is open.
    expires_at: Timestamp,
    account: u32,
    affected: u32,
    order: [u64; 2],
    quantity: Quantity,
    filled: Quantity,
    filled_notional: [u64; 2],
    /// Neighbours of the same account, by sequence; `next` also links free slots.
    previous: u32,
    next: u32,
    /// Neighbours in the list of expiries.
    sooner: u32,
    later: u32,
    refusal: u16,
    /// 0: no order.
    status: u8,
    reason: u8,
}
const _: () = assert!(size_of::<Stored>() == 128);

const BLANK: Stored = Stored {
    key: [0; 2],
    body: 0,
    sequence: 0,
    at: 0,
    expires_at: 0,
    account: 0,
    affected: 0,
    order: [0; 2],
    quantity: 0,
    filled: 0,
    filled_notional: [0; 2],
    previous: NIL,
    next: NIL,
    sooner: NIL,
    later: NIL,
    refusal: 0,
    status: 0,
    reason: 0,
};

fn halves(value: u128) -> [u64; 2] {
    [(value >> 64) as u64, value as u64]
}
fn whole([high, low]: [u64; 2]) -> u128 {
    u128::from(high) << 64 | u128::from(low)
}

impl Stored {
    fn key(&self) -> u128 {
        whole(self.key)
    }
    fn first(&self) -> FirstResult {
        FirstResult {
            sequence: self.sequence,
            at: self.at,
            order: OrderStatus::from_code(u16::from(self.status)).map(|status| OrderSummary {
                order: OrderId(whole(self.order)),
                status,
                reason: CloseReason::from_code(u16::from(self.reason)),
                quantity: self.quantity,
                filled: self.filled,
                filled_notional: whole(self.filled_notional) as Money,
            }),
            affected: self.affected,
            refusal: Refusal::from_code(self.refusal),
        }
    }
    fn record(&self) -> Record {
        Record {
            key: self.key(),
            body: u128::from(self.body),
            account: self.account,
            first: self.first(),
        }
    }
    fn of(record: &Record) -> Stored {
        let first = &record.first;
        let order = first.order.as_ref();
        Stored {
            key: halves(record.key),
            body: record.body as u64,
            sequence: first.sequence,
            at: first.at,
            expires_at: i64::MAX,
            account: record.account,
            affected: first.affected,
            order: halves(order.map_or(0, |order| order.order.0)),
            quantity: order.map_or(0, |order| order.quantity),
            filled: order.map_or(0, |order| order.filled),
            filled_notional: halves(order.map_or(0, |order| order.filled_notional as u128)),
            refusal: first.refusal.map_or(0, Refusal::code),
            status: order.map_or(0, |order| order.status.code() as u8),
            reason: order
                .and_then(|order| order.reason)
                .map_or(0, |reason| reason.code() as u8),
            ..BLANK
        }
    }
}

/// The records of one account, oldest first.
#[derive(Clone, Copy)]
struct Chain {
    oldest: u32,
    newest: u32,
    count: u32,
}
const EMPTY: Chain = Chain {
    oldest: NIL,
    newest: NIL,
    count: 0,
};

/// A record that made place for another one.
pub(crate) struct Evicted {
    pub slot: u32,
    /// The order that the record's command was about.
    pub order: Option<OrderId>,
}

pub(crate) struct Requests {
    blocks: Vec<Box<[Stored]>>,
    /// Slots that were ever used.
    used: u32,
    free: u32,
    index: Vec<FlatIndex>,
    /// By slot of the account.
    chains: Vec<Chain>,
    soonest: u32,
    latest: u32,
    count: usize,
    per_account: u32,
    in_all: usize,
}

impl Requests {
    pub fn new() -> Requests {
        Requests {
            blocks: Vec::new(),
            used: 0,
            free: NIL,
            index: (0..TABLES).map(|_| FlatIndex::with_bits(4)).collect(),
            chains: Vec::new(),
            soonest: NIL,
            latest: NIL,
            count: 0,
            per_account: MAX_REQUESTS_PER_ACCOUNT,
            in_all: MAX_REQUESTS,
        }
    }

    /// Sets smaller bounds.
    pub fn set_bounds(&mut self, per_account: u32, in_all: usize) {
        self.per_account = per_account.clamp(1, MAX_REQUESTS_PER_ACCOUNT);
        self.in_all = in_all.clamp(1, MAX_REQUESTS);
    }

    fn at(&self, slot: u32) -> &Stored {
        &self.blocks[slot as usize / BLOCK][slot as usize % BLOCK]
    }
    fn at_mut(&mut self, slot: u32) -> &mut Stored {
        &mut self.blocks[slot as usize / BLOCK][slot as usize % BLOCK]
    }
    fn table(key: u128) -> usize {
        // Independent of the bits that the table itself uses: those are the high bits of a product.
        (key as u64 ^ (key >> 64) as u64) as usize % TABLES
    }

    #[inline]
    fn find_slot(&self, key: u128) -> Option<u32> {
        self.index[Requests::table(key)].find(key, |slot| self.at(slot).key() == key)
    }

    /// The first result of a key, and whether its command had this body.
    #[inline]
    pub fn find(&self, key: u128, body: u128) -> Option<(FirstResult, bool)> {
        let stored = self.at(self.find_slot(key)?);
        Some((stored.first(), stored.body == body as u64))
    }

    pub fn first(&self, key: u128) -> Option<FirstResult> {
        self.find_slot(key).map(|slot| self.at(slot).first())
    }

    pub fn record(&self, slot: u32) -> Record {
        self.at(slot).record()
    }

    /// The record that must leave before this account can store another one: its own oldest at a bound. An
    /// account without records takes the place of the record that expires first.
    fn next_to_leave(&self, account: u32) -> Option<u32> {
        let chain = self.chains.get(account as usize).copied().unwrap_or(EMPTY);
        if chain.count >= self.per_account || (self.count >= self.in_all && chain.count > 0) {
            return Some(chain.oldest);
        }
        (self.count >= self.in_all && self.soonest != NIL).then_some(self.soonest)
    }

    /// Removes a record where the bounds require it before `account` stores another one.
    pub fn make_place(&mut self, account: u32) -> Option<Evicted> {
        let slot = self.next_to_leave(account)?;
        let order = self.at(slot).first().order.map(|order| order.order);
        self.remove(slot);
        Some(Evicted { slot, order })
    }

    /// Stores a record. Call [`Requests::make_place`] first.
    pub fn insert(&mut self, record: &Record) -> u32 {
        let slot = self.allocate();
        let account = record.account as usize;
        if self.chains.len() <= account {
            self.chains.resize(account + 1, EMPTY);
        }
        let chain = &mut self.chains[account];
        let newest = std::mem::replace(&mut chain.newest, slot);
        chain.count += 1;
        if newest == NIL {
            chain.oldest = slot;
        } else {
            self.at_mut(newest).next = slot;
        }
        *self.at_mut(slot) = Stored {
            previous: newest,
            ..Stored::of(record)
        };
        self.index[Requests::table(record.key)].insert(record.key, slot);
        self.count += 1;
        slot
    }

    fn allocate(&mut self) -> u32 {
        if self.free != NIL {
            let slot = self.free;
            self.free = self.at(slot).next;
            return slot;
        }
        if self.used as usize == self.blocks.len() * BLOCK {
            self.blocks.push(vec![BLANK; BLOCK].into_boxed_slice());
        }
        self.used += 1;
        self.used - 1
    }

    /// Allocates and touches memory for this many records in advance.
    pub fn warm_up(&mut self, requests: usize) {
        while self.blocks.len() * BLOCK < requests {
            self.blocks.push(vec![BLANK; BLOCK].into_boxed_slice());
        }
        for table in &mut self.index {
            table.warm_up(requests / TABLES);
        }
    }

    /// Starts the retention of a record: it expires after `REQUEST_RETENTION_NS`.
    #[inline]
    pub fn start_expiry(&mut self, slot: u32, now: Timestamp) {
        self.set_expiry(slot, now.saturating_add(REQUEST_RETENTION_NS).min(i64::MAX - 1));
    }

    /// Appends a record to the list of expiries. `expires_at` is not before that of any other record there.
    pub fn set_expiry(&mut self, slot: u32, expires_at: Timestamp) {
        let latest = std::mem::replace(&mut self.latest, slot);
        if latest == NIL {
            self.soonest = slot;
        } else {
            self.at_mut(latest).later = slot;
        }
        let stored = self.at_mut(slot);
        stored.expires_at = expires_at;
        stored.sooner = latest;
        stored.later = NIL;
    }

    /// Drops a few expired records, oldest expiry first.
    #[inline]
    pub fn expire(&mut self, now: Timestamp) {
        for _ in 0..DROPPED_PER_COMMAND {
            let slot = self.soonest;
            if slot == NIL || self.at(slot).expires_at > now {
                return;
            }
            self.remove(slot);
        }
    }

    fn remove(&mut self, slot: u32) {
        let Stored {
            account,
            previous,
            next,
            sooner,
            later,
            expires_at,
            ..
        } = *self.at(slot);
        let key = self.at(slot).key();
        self.index[Requests::table(key)].remove(key, slot);
        let mut chain = self.chains[account as usize];
        chain.count -= 1;
        match previous {
            NIL => chain.oldest = next,
            previous => self.at_mut(previous).next = next,
        }
        match next {
            NIL => chain.newest = previous,
            next => self.at_mut(next).previous = previous,
        }
        self.chains[account as usize] = chain;
        if expires_at != i64::MAX {
            match sooner {
                NIL => self.soonest = later,
                sooner => self.at_mut(sooner).later = later,
            }
            match later {
                NIL => self.latest = sooner,
                later => self.at_mut(later).sooner = sooner,
            }
        }
        let free = std::mem::replace(&mut self.free, slot);
        *self.at_mut(slot) = Stored { next: free, ..BLANK };
        self.count -= 1;
    }

    /// (time of expiry, slot) of the records whose retention runs, soonest first.
    pub fn expiries(&self) -> impl Iterator<Item = (Timestamp, u32)> + '_ {
        let slot = |slot: u32| (slot != NIL).then_some(slot);
        std::iter::successors(slot(self.soonest), move |&at| slot(self.at(at).later))
            .map(|at| (self.at(at).expires_at, at))
    }

    /// Orders the records of each account by their sequence, after they were inserted in another order.
    pub fn sort_chains(&mut self) {
        let mut slots: Vec<(u64, u32)> = (0..self.used)
            .filter(|&slot| self.find_slot(self.at(slot).key()) == Some(slot))
            .map(|slot| (self.at(slot).sequence, slot))
            .collect();
        slots.sort_unstable();
        self.chains.fill(EMPTY);
        for (_, slot) in slots {
            let account = self.at(slot).account as usize;
            let chain = &mut self.chains[account];
            let newest = std::mem::replace(&mut chain.newest, slot);
            chain.count += 1;
            if newest == NIL {
                chain.oldest = slot;
            } else {
                self.at_mut(newest).next = slot;
            }
            let stored = self.at_mut(slot);
            stored.previous = newest;
            stored.next = NIL;
        }
    }
}
