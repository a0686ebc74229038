//! One side of a book: price levels in ticks, each a first-in-first-out queue.
//!
//! # Layout
//! Levels are in *pages* of 512 consecutive ticks. A page is allocated when a price in it is first used. A
//! small sorted directory finds the page of a price. A two-level bitmap finds the next occupied level
//! within a page. Queue entries are in a pool and linked by `u32`. An entry stores its level, so its
//! removal needs no search. The best level is cached.
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
//! # Known limits
//! A page takes 24 KiB, so orders at widely scattered prices need much memory. [`Ladder::trim`] frees empty
//! pages.
//!
//! The same structure holds bids, asks, stops (keyed by stop price) and trailing stops (keyed by the best
//! price seen).

use crate::page::Page;
pub(crate) use crate::page::PAGE_TICKS;

/// A link to no entry.
pub(crate) const NIL: u32 = u32::MAX;

/// `trim` frees empty pages when there are more than this many.
const SPARE_PAGES: usize = 32;

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
struct Queue {
    head: u32,
    tail: u32,
    count: u32,
    /// Shown lots. The sum of many orders can exceed 64 bits.
    quantity: i128,
    /// `command_stamp` of the last command that touched the level.
    stamp: u64,
}

const EMPTY: Queue = Queue {
    head: NIL,
    tail: NIL,
    count: 0,
    quantity: 0,
    stamp: 0,
};

#[derive(Clone, Debug)]
pub(crate) struct Ladder {
    ascending: bool,
    nodes: Vec<Node>,
    free_node: u32,
    pages: Vec<Page>,
    /// `PAGE_TICKS` levels for each page.
    levels: Vec<Queue>,
    free_pages: Vec<u32>,
    /// (page number, slot in `pages`), sorted.
    directory: Vec<(i64, u32)>,
    empty_pages: usize,
    best: u32,
    best_price: i64,
    len: usize,
}

impl Ladder {
    /// `ascending`: the lowest price is the best (asks).
    pub fn new(ascending: bool) -> Ladder {
        Ladder {
            ascending,
            nodes: Vec::new(),
            free_node: NIL,
            pages: Vec::new(),
            levels: Vec::new(),
            free_pages: Vec::new(),
            directory: Vec::new(),
            empty_pages: 0,
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
            self.levels.resize(self.pages.len() * PAGE_TICKS, EMPTY);
        }
        self.free_pages.reserve(self.pages.len());
        self.directory.reserve(self.pages.len());
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
            Some(self.levels[self.best as usize].head)
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
        let page = self.page_of(price);
        let offset = (price.rem_euclid(PAGE_TICKS as i64)) as usize;
        let level = page * PAGE_TICKS as u32 + offset as u32;
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
        let queue = &mut self.levels[level as usize];
        if queue.count == 0 {
            let page = &mut self.pages[page as usize];
            if page.is_empty() {
                self.empty_pages -= 1;
            }
            page.insert(offset);
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
        let queue = &mut self.levels[level as usize];
        queue.count -= 1;
        queue.quantity -= i128::from(quantity);
        let empty = queue.count == 0;
        self.nodes[node as usize].next = self.free_node;
        self.free_node = node;
        self.len -= 1;
        if empty {
            let (slot, offset) = (level as usize / PAGE_TICKS, level as usize % PAGE_TICKS);
            let page = &mut self.pages[slot];
            page.remove(offset);
            if page.is_empty() {
                self.empty_pages += 1;
            }
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
        self.levels[level as usize].quantity += i128::from(change);
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
        self.levels[level].quantity += i128::from(change);
    }

    /// Marks the entry's level with `stamp`. Returns whether the stamp is new there, and the level (for
    /// [`Ladder::level`]).
    #[inline]
    pub fn touch(&mut self, node: u32, stamp: u64) -> (bool, u32) {
        let level = self.nodes[node as usize].level;
        let queue = &mut self.levels[level as usize];
        let first = queue.stamp != stamp;
        queue.stamp = stamp;
        (first, level)
    }

    /// (shown lots, number of entries) of a level from [`Ladder::touch`]. The lots are capped at
    /// `i64::MAX`.
    #[inline]
    pub fn level(&self, level: u32) -> (i64, u32) {
        let queue = &self.levels[level as usize];
        (i64::try_from(queue.quantity).unwrap_or(i64::MAX), queue.count)
    }

    /// (shown lots, number of entries) at a price.
    pub fn at(&self, price: i64) -> (i64, u32) {
        self.find(price).map_or((0, 0), |level| self.level(level))
    }

    /// The first entry at a price.
    pub fn front_at(&self, price: i64) -> Option<u32> {
        let head = self.levels[self.find(price)? as usize].head;
        (head != NIL).then_some(head)
    }

    /// The next occupied price that is worse.
    pub fn next_price(&self, price: i64) -> Option<i64> {
        self.next_level(self.find(price)?, price).map(|(_, price)| price)
    }

    /// Frees empty pages when there are many. Do not call it while a command still holds levels.
    #[inline]
    pub fn trim(&mut self) {
        if self.empty_pages > SPARE_PAGES && self.empty_pages * 2 > self.directory.len() {
            let (pages, free) = (&self.pages, &mut self.free_pages);
            self.directory.retain(|&(_, slot)| {
                let keep = !pages[slot as usize].is_empty();
                if !keep {
                    free.push(slot);
                }
                keep
            });
            self.empty_pages = 0;
        }
    }

    fn find(&self, price: i64) -> Option<u32> {
        let number = price.div_euclid(PAGE_TICKS as i64);
        let at = self
            .directory
            .binary_search_by_key(&number, |&(number, _)| number)
            .ok()?;
        Some(self.directory[at].1 * PAGE_TICKS as u32 + price.rem_euclid(PAGE_TICKS as i64) as u32)
    }

    #[inline]
    fn page_of(&mut self, price: i64) -> u32 {
        let number = price.div_euclid(PAGE_TICKS as i64);
        if self.best != NIL {
            let page = self.best / PAGE_TICKS as u32;
            if self.pages[page as usize].number == number {
                return page;
            }
        }
        match self.directory.binary_search_by_key(&number, |&(number, _)| number) {
            Ok(at) => self.directory[at].1,
            Err(at) => self.new_page(number, at),
        }
    }

    #[cold]
    fn new_page(&mut self, number: i64, at: usize) -> u32 {
        let page = Page::new(number);
        let slot = match self.free_pages.pop() {
            Some(slot) => {
                self.pages[slot as usize] = page;
                slot
            }
            None => {
                self.pages.push(page);
                self.levels.resize(self.pages.len() * PAGE_TICKS, EMPTY);
                (self.pages.len() - 1) as u32
            }
        };
        self.directory.insert(at, (number, slot));
        self.empty_pages += 1;
        slot
    }

    fn append(&mut self, node: u32, level: u32) {
        let queue = &mut self.levels[level as usize];
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
            self.levels[level as usize].head = next;
        } else {
            self.nodes[prev as usize].next = next;
        }
        if next == NIL {
            self.levels[level as usize].tail = prev;
        } else {
            self.nodes[next as usize].prev = prev;
        }
    }

    /// The next occupied level after `level`, whose price is `price`.
    fn next_level(&self, level: u32, price: i64) -> Option<(u32, i64)> {
        let slot = level / PAGE_TICKS as u32;
        let offset = level as usize % PAGE_TICKS;
        if let Some(found) = self.next_in_page(slot, offset) {
            return Some(found);
        }
        let number = price.div_euclid(PAGE_TICKS as i64);
        let at = self
            .directory
            .binary_search_by_key(&number, |&(number, _)| number)
            .ok()?;
        let occupied = |&&(_, slot): &&(i64, u32)| !self.pages[slot as usize].is_empty();
        if self.ascending {
            let &(_, slot) = self.directory[at + 1..].iter().find(occupied)?;
            self.lowest(slot, 0)
        } else {
            let &(_, slot) = self.directory[..at].iter().rev().find(occupied)?;
            self.highest(slot, PAGE_TICKS)
        }
    }

    fn next_in_page(&self, slot: u32, offset: usize) -> Option<(u32, i64)> {
        if self.ascending {
            self.lowest(slot, offset + 1)
        } else {
            self.highest(slot, offset)
        }
    }

    fn level_at(&self, slot: u32, offset: usize) -> (u32, i64) {
        let price = self.pages[slot as usize].number * PAGE_TICKS as i64 + offset as i64;
        (slot * PAGE_TICKS as u32 + offset as u32, price)
    }

    /// The lowest occupied level of a page at an offset ≥ `from`.
    fn lowest(&self, slot: u32, from: usize) -> Option<(u32, i64)> {
        let offset = self.pages[slot as usize].lowest(from)?;
        Some(self.level_at(slot, offset))
    }

    /// The highest occupied level of a page at an offset < `below`.
    fn highest(&self, slot: u32, below: usize) -> Option<(u32, i64)> {
        let offset = self.pages[slot as usize].highest(below)?;
        Some(self.level_at(slot, offset))
    }
}
