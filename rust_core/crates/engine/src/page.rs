//! A page of a ladder: which of its 512 consecutive prices are occupied.
//!
//! # Layout
//! A two-level bitmap. Bit `o % 64` of word `o / 64` is set if the price at offset `o` is occupied. Bit `w` of
//! `summary` is set if word `w` is not zero. So the next occupied price takes at most two words.

/// Consecutive prices in one page.
pub(crate) const PAGE_TICKS: usize = 512;
const WORDS: usize = PAGE_TICKS / 64;

#[derive(Clone, Debug)]
pub(crate) struct Page {
    /// The page holds the prices from `number * PAGE_TICKS` on.
    pub number: i64,
    summary: u64,
    words: [u64; WORDS],
}

impl Page {
    pub fn new(number: i64) -> Page {
        Page {
            number,
            summary: 0,
            words: [0; WORDS],
        }
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.summary == 0
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
