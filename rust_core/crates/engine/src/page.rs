//! A page of consecutive prices: which of them are occupied, and the queue of each.
//!
//! # Layout
//! A two-level bitmap. Bit `o % 64` of word `o / 64` is set if the price at offset `o` is occupied. Bit `w` of
//! `summary` is set if word `w` is not zero. So the next occupied price takes at most two words.
//!
//! A page with few queues lists them. A page with more than [`FEW`] has an array with a place for each price.
//! So the memory of a book follows its orders, whatever their prices are.

/// Consecutive prices in one page.
pub(crate) const PAGE_TICKS: usize = 512;
/// Queues that a page lists.
pub(crate) const FEW: usize = 12;
const WORDS: usize = PAGE_TICKS / 64;
/// No array, or no queue.
const NONE: u32 = u32::MAX;

#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The page holds the prices from `number * PAGE_TICKS` on.
    pub number: i64,
    summary: u64,
    words: [u64; WORDS],
    /// Number of the array, `NONE` while the queues are listed.
    pub array: u32,
    /// Queues of this page, occupied or not.
    pub count: u16,
    offsets: [u16; FEW],
    queues: [u32; FEW],
}

impl Page {
    pub fn new(number: i64) -> Page {
        Page {
            number,
            summary: 0,
            words: [0; WORDS],
            array: NONE,
            count: 0,
            offsets: [0; FEW],
            queues: [NONE; FEW],
        }
    }

    /// The listed queue at an offset.
    #[inline]
    pub fn listed(&self, offset: usize) -> Option<u32> {
        let count = usize::from(self.count).min(FEW);
        let at = self.offsets[..count]
            .iter()
            .position(|&listed| usize::from(listed) == offset)?;
        Some(self.queues[at])
    }

    /// All listed queues with their offsets.
    pub fn list(&self) -> impl Iterator<Item = (usize, u32)> + '_ {
        let count = usize::from(self.count).min(FEW);
        (0..count).map(|at| (usize::from(self.offsets[at]), self.queues[at]))
    }

    /// Adds a queue to the list, which has a place left.
    pub fn add_listed(&mut self, offset: usize, queue: u32) {
        let at = usize::from(self.count);
        self.offsets[at] = offset as u16;
        self.queues[at] = queue;
        self.count += 1;
    }

    /// Removes a queue from the list.
    pub fn remove_listed(&mut self, offset: usize) {
        let last = usize::from(self.count) - 1;
        let found = self.offsets[..=last]
            .iter()
            .position(|&listed| usize::from(listed) == offset);
        if let Some(at) = found {
            self.offsets[at] = self.offsets[last];
            self.queues[at] = self.queues[last];
            self.count -= 1;
        }
    }

    #[inline]
    pub fn insert(&mut self, offset: usize) {
        self.words[offset / 64] |= 1 << (offset % 64);
        self.summary |= 1 << (offset / 64);
    }

    #[inline]
    pub fn remove(&mut self, offset: usize) {
        self.words[offset / 64] &= !(1 << (offset % 64));
        if self.words[offset / 64] == 0 {
            self.summary &= !(1 << (offset / 64));
        }
    }

    /// The lowest occupied offset ≥ `from`.
    #[inline]
    pub fn lowest(&self, from: usize) -> Option<usize> {
        if from >= PAGE_TICKS {
            return None;
        }
        let here = self.words[from / 64] & (!0 << (from % 64));
        if here != 0 {
            return Some(from / 64 * 64 + here.trailing_zeros() as usize);
        }
        let later = self.summary & (!0 << (from / 64) << 1);
        if later == 0 {
            return None;
        }
        let word = later.trailing_zeros() as usize;
        Some(word * 64 + self.words[word].trailing_zeros() as usize)
    }

    /// The highest occupied offset < `below`.
    #[inline]
    pub fn highest(&self, below: usize) -> Option<usize> {
        if below == 0 {
            return None;
        }
        let last = below - 1;
        let here = self.words[last / 64] & (!0 >> (63 - last % 64));
        if here != 0 {
            return Some(last / 64 * 64 + 63 - here.leading_zeros() as usize);
        }
        let earlier = self.summary & ((1 << (last / 64)) - 1);
        if earlier == 0 {
            return None;
        }
        let word = 63 - earlier.leading_zeros() as usize;
        Some(word * 64 + 63 - self.words[word].leading_zeros() as usize)
    }
}
