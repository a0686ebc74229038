//! One side of a book: price levels in ticks, each a first-in-first-out queue.
//!
//! # Layout
//! Levels are in *pages* of 512 consecutive ticks (`page.rs`). A page exists while a price in it has a queue. A
//! sorted directory finds the page of a price. Queues and entries are in pools and linked by `u32`. An entry stores
//! its queue, so its removal needs no search. The best level is cached.
//!
//! # Ordering
//! The best level is the lowest price if `ascending` (asks), otherwise the highest. An iceberg's refill
//! moves its entry to the end of its level; no other operation moves an entry.
//!
//! # Invariants
//! - A level is marked in the bitmap exactly when it has entries.
//! - `quantity` of a level is the sum of its entries' shown quantity.
//!
//! # Cost
//! Add, cancel, fill and best are O(1). Add also searches the directory, which holds few pages. The next
//! price takes a few words of bitmap.
//!
//! # Memory
//! At most 300 bytes for an entry, whatever the prices: a lone entry takes 48, its queue 48, its page 160 and its
//! place in the directory about 20. The pools grow by doubling.
//!
//! The same structure holds bids, asks, stops (keyed by stop price) and trailing stops (keyed by the best
//! price seen).

use crate::page::Page;
pub(crate) use crate::page::PAGE_TICKS;
use std::collections::BTreeMap;

/// A link to no entry.
pub(crate) const NIL: u32 = u32::MAX;

/// A queue entry of a level.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub price: i64,
    /// Shown lots.
    pub quantity: i64,
    /// Hidden lots of an iceberg.
    pub hidden: i64,
    /// Lots that a refill shows. 0: not an iceberg.
    pub display: i64,
    /// Value that the caller gave.
    pub owner: u32,
    /// The queue.
    level: u32,
    prev: u32,
    next: u32,
}

const BLANK: Node = Node {
    price: 0,
    quantity: 0,
    hidden: 0,
    display: 0,
    owner: 0,
    level: 0,
    prev: NIL,
    next: NIL,
};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) count: u32,
    /// Slot of the page.
    pub(crate) page: u32,
    /// Shown lots. The sum of many orders can exceed 64 bits.
    pub(crate) quantity: i128,
    /// `command_stamp` of the last command that touched the level.
    pub(crate) stamp: u64,
}

pub(crate) const EMPTY: Queue = Queue {
    head: NIL,
    tail: NIL,
    count: 0,
    page: NIL,
    quantity: 0,
    stamp: 0,
};

#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    pub(crate) ascending: bool,
    pub(crate) nodes: Vec<Node>,
    pub(crate) free_node: u32,
    pub(crate) queues: Vec<Queue>,
    pub(crate) free_queues: Vec<u32>,
    pub(crate) pages: Vec<Page>,
    pub(crate) free_pages: Vec<u32>,
    /// `PAGE_TICKS` queues (or `NIL`) for each page with many.
    pub(crate) arrays: Vec<u32>,
    pub(crate) free_arrays: Vec<u32>,
    /// Page number → slot in `pages`.
    pub(crate) directory: BTreeMap<i64, u32>,
    /// Queues with entries, and without.
    pub(crate) occupied: usize,
    pub(crate) idle: usize,
    pub(crate) best: u32,
    pub(crate) best_price: i64,
    pub(crate) len: usize,
}

impl Ladder {
    /// `ascending`: the lowest price is the best (asks).
    pub fn new(ascending: bool) -> Ladder {
        Ladder {
            ascending,
            nodes: Vec::new(),
            free_node: NIL,
            queues: Vec::new(),
            free_queues: Vec::new(),
            pages: Vec::new(),
            free_pages: Vec::new(),
            arrays: Vec::new(),
            free_arrays: Vec::new(),
            directory: BTreeMap::new(),
            occupied: 0,
            idle: 0,
            best: NIL,
            best_price: 0,
            len: 0,
        }
    }

    /// Allocates and touches memory for this many entries, and for this many pages beyond those in use.
    pub fn warm_up(&mut self, entries: usize, pages: usize) {
        let used = self.nodes.len();
        if used < entries {
            self.nodes.resize(entries, BLANK);
            self.nodes.truncate(used);
        }
        while self.free_pages.len() < pages {
            self.free_pages.push(self.pages.len() as u32);
            self.pages.push(Page::new(0));
        }
        while self.free_arrays.len() < pages {
            self.free_arrays.push((self.arrays.len() / PAGE_TICKS) as u32);
            self.arrays.resize(self.arrays.len() + PAGE_TICKS, NIL);
        }
        let queues = entries.min(pages * PAGE_TICKS);
        let used = self.queues.len();
        if used < queues {
            self.queues.resize(queues, EMPTY);
            self.queues.truncate(used);
        }
        self.free_queues.reserve(queues);
    }

    pub fn len(&self) -> usize {
        self.len
    }

    #[inline]
    pub fn best(&self) -> Option<i64> {
        if self.best == NIL {
            None
        } else {
            Some(self.best_price)
        }
    }

    /// The first entry of the best level.
    #[inline]
    pub fn front(&self) -> Option<u32> {
        if self.best == NIL {
            None
        } else {
            Some(self.queues[self.best as usize].head)
        }
    }

    #[inline]
    pub fn node(&self, node: u32) -> &Node {
        &self.nodes[node as usize]
    }

    /// The next entry in the queue of the same level.
    pub fn next_in_level(&self, node: u32) -> Option<u32> {
        let next = self.nodes[node as usize].next;
        (next != NIL).then_some(next)
    }

    /// Is price `a` better than price `b`?
    #[inline]
    fn is_better(&self, a: i64, b: i64) -> bool {
        if self.ascending {
            a < b
        } else {
            a > b
        }
    }

    /// Adds an entry at the end of its level. Returns its node.
    pub fn push(&mut self, price: i64, quantity: i64, hidden: i64, display: i64, owner: u32) -> u32 {
        let level = self.queue_of(price);
        let node = Node {
            price,
            quantity,
            hidden,
            display,
            owner,
            level,
            prev: NIL,
            next: NIL,
        };
        let slot = if self.free_node == NIL {
            self.nodes.push(node);
            (self.nodes.len() - 1) as u32
        } else {
            let slot = self.free_node;
            self.free_node = self.nodes[slot as usize].next;
            self.nodes[slot as usize] = node;
            slot
        };
        let queue = &mut self.queues[level as usize];
        if queue.count == 0 {
            self.pages[queue.page as usize].insert(price.rem_euclid(PAGE_TICKS as i64) as usize);
            self.idle -= 1;
            self.occupied += 1;
        }
        queue.count += 1;
        queue.quantity += i128::from(quantity);
        self.append(slot, level);
        self.len += 1;
        if self.best == NIL || self.is_better(price, self.best_price) {
            self.best = level;
            self.best_price = price;
        }
        slot
    }

    /// Removes an entry.
    pub fn remove(&mut self, node: u32) {
        let Node {
            price, level, quantity, ..
        } = self.nodes[node as usize];
        self.unlink(node);
        let queue = &mut self.queues[level as usize];
        queue.count -= 1;
        queue.quantity -= i128::from(quantity);
        let empty = queue.count == 0;
        self.nodes[node as usize].next = self.free_node;
        self.free_node = node;
        self.len -= 1;
        if empty {
            let page = queue.page;
            self.pages[page as usize].remove(price.rem_euclid(PAGE_TICKS as i64) as usize);
            self.occupied -= 1;
            self.idle += 1;
            if level == self.best {
                (self.best, self.best_price) = self.next_level(level, price).unwrap_or((NIL, 0));
            }
        }
    }

    /// Takes `lots` from the shown quantity (at most all of it). An iceberg refills and moves to the end of
    /// its level. An entry with nothing left is removed. Returns the lots left, hidden ones included.
    pub fn fill(&mut self, node: u32, lots: i64) -> i64 {
        let entry = &mut self.nodes[node as usize];
        debug_assert!(lots > 0 && lots <= entry.quantity);
        if entry.quantity == lots && entry.hidden == 0 {
            self.remove(node);
            return 0;
        }
        entry.quantity -= lots;
        let level = entry.level;
        let mut change = -lots;
        let mut refilled = false;
        if entry.quantity == 0 {
            let shown = entry.display.min(entry.hidden);
            entry.quantity = shown;
            entry.hidden -= shown;
            change += shown;
            refilled = true;
        }
        let left = entry.quantity + entry.hidden;
        self.queues[level as usize].quantity += i128::from(change);
        if refilled {
            self.unlink(node);
            self.append(node, level);
        }
        left
    }

    /// Reduces an entry to `left` lots in total. The entry keeps its place; the hidden part shrinks first.
    pub fn shrink(&mut self, node: u32, left: i64) {
        let entry = &mut self.nodes[node as usize];
        let shown = entry.quantity.min(left);
        let change = shown - entry.quantity;
        entry.quantity = shown;
        entry.hidden = left - shown;
        let level = entry.level as usize;
        self.queues[level].quantity += i128::from(change);
    }

    /// Marks the entry's level with `stamp`. Returns whether the stamp is new there, and the level (for
    /// [`Ladder::level`]).
    #[inline]
    pub fn touch(&mut self, node: u32, stamp: u64) -> (bool, u32) {
        let level = self.nodes[node as usize].level;
        let queue = &mut self.queues[level as usize];
        let first = queue.stamp != stamp;
        queue.stamp = stamp;
        (first, level)
    }

    /// (shown lots, number of entries) of a level from [`Ladder::touch`]. The lots are capped at
    /// `i64::MAX`.
    #[inline]
    pub fn level(&self, level: u32) -> (i64, u32) {
        let queue = &self.queues[level as usize];
        (i64::try_from(queue.quantity).unwrap_or(i64::MAX), queue.count)
    }

    /// (shown lots, number of entries) at a price.
    pub fn at(&self, price: i64) -> (i64, u32) {
        self.find(price).map_or((0, 0), |level| self.level(level))
    }

    /// The first entry at a price.
    pub fn front_at(&self, price: i64) -> Option<u32> {
        let head = self.queues[self.find(price)? as usize].head;
        (head != NIL).then_some(head)
    }

    /// The next occupied price that is worse.
    pub fn next_price(&self, price: i64) -> Option<i64> {
        self.next_level(self.find(price)?, price).map(|(_, price)| price)
    }

    fn append(&mut self, node: u32, level: u32) {
        let queue = &mut self.queues[level as usize];
        let tail = queue.tail;
        queue.tail = node;
        if tail == NIL {
            queue.head = node;
        } else {
            self.nodes[tail as usize].next = node;
        }
        let entry = &mut self.nodes[node as usize];
        entry.prev = tail;
        entry.next = NIL;
    }

    fn unlink(&mut self, node: u32) {
        let Node { level, prev, next, .. } = self.nodes[node as usize];
        if prev == NIL {
            self.queues[level as usize].head = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next == NIL {
            self.queues[level as usize].tail = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
    }

    /// The next occupied level after `level`, whose price is `price`.
    fn next_level(&self, level: u32, price: i64) -> Option<(u32, i64)> {
        let slot = self.queues[level as usize].page;
        let offset = price.rem_euclid(PAGE_TICKS as i64) as usize;
        let number = price.div_euclid(PAGE_TICKS as i64);
        if self.ascending {
            let here = self.lowest(slot, offset + 1);
            here.or_else(|| {
                let later = self.directory.range(number + 1..).map(|(_, &slot)| slot);
                later.filter_map(|slot| self.lowest(slot, 0)).next()
            })
        } else {
            let here = self.highest(slot, offset);
            here.or_else(|| {
                let earlier = self.directory.range(..number).rev().map(|(_, &slot)| slot);
                earlier.filter_map(|slot| self.highest(slot, PAGE_TICKS)).next()
            })
        }
    }

    fn level_at(&self, slot: u32, offset: usize) -> Option<(u32, i64)> {
        let price = self.pages[slot as usize].number * PAGE_TICKS as i64 + offset as i64;
        Some((self.queue_in(slot, offset)?, price))
    }

    /// The lowest occupied level of a page at an offset ≥ `from`.
    fn lowest(&self, slot: u32, from: usize) -> Option<(u32, i64)> {
        let offset = self.pages[slot as usize].lowest(from)?;
        self.level_at(slot, offset)
    }

    /// The highest occupied level of a page at an offset < `below`.
    fn highest(&self, slot: u32, below: usize) -> Option<(u32, i64)> {
        let offset = self.pages[slot as usize].highest(below)?;
        self.level_at(slot, offset)
    }
}
