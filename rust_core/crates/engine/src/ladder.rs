//! One side of a book: price levels in ticks, each a first-in-first-out queue.
//!
//! # Layout
//! Levels are in *pages* of 512 consecutive ticks (`page.rs`). A page exists while a price in it has a queue. A
//! sorted directory finds the page of a price; a small table of recent pages is in front of it. Queues and entries
//! take 32 bytes each, in pools, linked by `u32`. The pools hand out what was freed last, which is still in the
//! processor's cache. An entry stores its queue, so its removal needs no search. The best level is cached. What only
//! icebergs have is in a vector of its own.
//!
//! # Ordering
//! The best level is the lowest price if `ascending` (asks), otherwise the highest. An iceberg's refill
//! moves its entry to the end of its level; no other operation moves an entry.
//!
//! # Invariants
//! - A level is marked in the bitmap exactly when it has entries.
//! - `quantity` of a level is the sum of its entries' shown quantity.
//! - A queue that became empty is in `emptied` until [`Ladder::trim`] frees it. So a command can empty a level, fill
//!   it again and report it once.
//!
//! # Cost
//! Add, cancel, fill and best are O(1). Add may also search the directory. The next price takes a few words of
//! bitmap, or the next page of the directory.
//!
//! # Memory
//! At most 300 bytes for an entry, whatever the prices: a lone entry takes 32, its queue 32, its page 160 and its
//! place in the directory about 20. A ladder that ever held an iceberg takes 16 more for each entry. The pools grow by doubling.
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
    /// Value that the caller gave.
    pub owner: u32,
    /// The queue. With the bit `ICEBERG` the entry has a [`Reserve`].
    level: u32,
    prev: u32,
    next: u32,
}
const _: () = assert!(size_of::<Node>() == 32);

const ICEBERG: u32 = 1 << 31;

impl Node {
    #[inline]
    fn level(&self) -> u32 {
        self.level & !ICEBERG
    }
    #[inline]
    fn is_iceberg(&self) -> bool {
        self.level & ICEBERG != 0
    }
}

const BLANK: Node = Node {
    price: 0,
    quantity: 0,
    owner: 0,
    level: 0,
    prev: NIL,
    next: NIL,
};

/// What an iceberg does not show.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reserve {
    pub hidden: i64,
    /// Lots that a refill shows.
    pub display: i64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Queue {
    /// Shown lots. The sum of many orders can exceed 64 bits.
    pub(crate) quantity: i128,
    pub(crate) head: u32,
    pub(crate) tail: u32,
    pub(crate) count: u32,
    /// Slot of the page, and the bits `TOUCHED` and `EMPTIED`.
    page: u32,
}
const _: () = assert!(size_of::<Queue>() == 32);

/// The current command has touched the level.
const TOUCHED: u32 = 1 << 31;
/// The queue is in `Ladder::emptied`.
const EMPTIED: u32 = 1 << 30;

pub(crate) const EMPTY: Queue = Queue {
    quantity: 0,
    head: NIL,
    tail: NIL,
    count: 0,
    page: 0,
};

impl Queue {
    pub(crate) fn of_page(page: u32) -> Queue {
        Queue { page, ..EMPTY }
    }
    #[inline]
    pub(crate) fn page(&self) -> u32 {
        self.page & !(TOUCHED | EMPTIED)
    }
    pub(crate) fn leave_emptied(&mut self) {
        self.page &= !EMPTIED;
    }
}

/// Pages that are found without a search of the directory.
pub(crate) const RECENT_PAGES: usize = 64;

#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    pub(crate) ascending: bool,
    pub(crate) nodes: Vec<Node>,
    pub(crate) free_node: u32,
    /// By node; empty until the first iceberg.
    reserves: Vec<Reserve>,
    pub(crate) queues: Vec<Queue>,
    pub(crate) free_queues: Vec<u32>,
    pub(crate) pages: Vec<Page>,
    pub(crate) free_pages: Vec<u32>,
    /// `PAGE_TICKS` queues (or `NIL`) for each page with many.
    pub(crate) arrays: Vec<u32>,
    pub(crate) free_arrays: Vec<u32>,
    /// Page number → slot in `pages`.
    pub(crate) directory: BTreeMap<i64, u32>,
    /// (number, slot) of pages in the directory, by the number modulo the length.
    pub(crate) recent: [(i64, u32); RECENT_PAGES],
    /// (queue, offset in its page) of the queues that became empty since the last `trim`.
    pub(crate) emptied: Vec<(u32, u32)>,
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
            reserves: Vec::new(),
            queues: Vec::new(),
            free_queues: Vec::new(),
            pages: Vec::new(),
            free_pages: Vec::new(),
            arrays: Vec::new(),
            free_arrays: Vec::new(),
            directory: BTreeMap::new(),
            recent: [(0, NIL); RECENT_PAGES],
            emptied: Vec::new(),
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
        self.emptied.reserve(queues);
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
            owner,
            level: if display == 0 { level } else { level | ICEBERG },
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
        if display != 0 {
            if self.reserves.len() <= slot as usize {
                self.reserves.resize(self.nodes.len(), Reserve::default());
            }
            self.reserves[slot as usize] = Reserve { hidden, display };
        }
        let queue = &mut self.queues[level as usize];
        if queue.count == 0 {
            self.pages[queue.page() as usize].insert(price.rem_euclid(PAGE_TICKS as i64) as usize);
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
        let entry = self.nodes[node as usize];
        let Node { price, quantity, .. } = entry;
        let level = entry.level();
        self.unlink(node);
        let queue = &mut self.queues[level as usize];
        queue.count -= 1;
        queue.quantity -= i128::from(quantity);
        let empty = queue.count == 0;
        self.nodes[node as usize].next = self.free_node;
        self.free_node = node;
        self.len -= 1;
        if empty {
            let offset = price.rem_euclid(PAGE_TICKS as i64) as usize;
            if queue.page & EMPTIED == 0 {
                queue.page |= EMPTIED;
                self.emptied.push((level, offset as u32));
            }
            let page = queue.page();
            self.pages[page as usize].remove(offset);
            if level == self.best {
                (self.best, self.best_price) = self.next_level(level, price).unwrap_or((NIL, 0));
            }
        }
    }

    /// Takes `lots` from the shown quantity (at most all of it). An iceberg refills and moves to the end of
    /// its level. An entry with nothing left is removed. Returns the lots left, hidden ones included.
    pub fn fill(&mut self, node: u32, lots: i64) -> i64 {
        let hidden = self.hidden(node);
        let entry = &mut self.nodes[node as usize];
        debug_assert!(lots > 0 && lots <= entry.quantity);
        if entry.quantity == lots && hidden == 0 {
            self.remove(node);
            return 0;
        }
        entry.quantity -= lots;
        let level = entry.level();
        let mut change = -lots;
        let refilled = entry.quantity == 0;
        if refilled {
            let reserve = &mut self.reserves[node as usize];
            let shown = reserve.display.min(hidden);
            entry.quantity = shown;
            reserve.hidden -= shown;
            change += shown;
        }
        let left = entry.quantity;
        self.queues[level as usize].quantity += i128::from(change);
        if refilled {
            self.unlink(node);
            self.append(node, level);
        }
        left + self.hidden(node)
    }

    /// Hidden lots of an entry; 0 if it is no iceberg.
    #[inline]
    pub fn hidden(&self, node: u32) -> i64 {
        self.reserve(node).hidden
    }

    /// What an entry does not show; zeros if it is no iceberg.
    #[inline]
    pub fn reserve(&self, node: u32) -> Reserve {
        if self.nodes[node as usize].is_iceberg() {
            self.reserves[node as usize]
        } else {
            Reserve::default()
        }
    }

    /// Reduces an entry to `left` lots in total. The entry keeps its place; the hidden part shrinks first.
    pub fn shrink(&mut self, node: u32, left: i64) {
        let entry = &mut self.nodes[node as usize];
        let shown = entry.quantity.min(left);
        let change = shown - entry.quantity;
        entry.quantity = shown;
        if entry.is_iceberg() {
            self.reserves[node as usize].hidden = left - shown;
        }
        let level = self.nodes[node as usize].level() as usize;
        self.queues[level].quantity += i128::from(change);
    }

    /// Marks the entry's level as touched. Returns whether it was not yet, and the level (for [`Ladder::level`] and
    /// [`Ladder::untouch`]).
    #[inline]
    pub fn touch(&mut self, node: u32) -> (bool, u32) {
        let level = self.nodes[node as usize].level();
        let queue = &mut self.queues[level as usize];
        let first = queue.page & TOUCHED == 0;
        queue.page |= TOUCHED;
        (first, level)
    }

    /// Ends the mark of [`Ladder::touch`].
    #[inline]
    pub fn untouch(&mut self, level: u32) {
        self.queues[level as usize].page &= !TOUCHED;
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
        let entry = self.nodes[node as usize];
        let Node { prev, next, .. } = entry;
        let level = entry.level();
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
        let slot = self.queues[level as usize].page();
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
