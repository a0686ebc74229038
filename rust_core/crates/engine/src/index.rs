//! A flat hash index from 128-bit identifiers to dense slots.
//!
//! # Layout
//! Open addressing with linear probing. Deletion shifts later entries back, so there are no tombstones and
//! a table of constant size does not degrade. An entry is one `u64`: 32 bits of hash and `slot + 1`; 0 is
//! an empty entry. Eight entries share a cache line. The index does not store keys: it compares the key in
//! the slot, which the caller reads next anyway.
//!
//! # Invariants
//! - The table is at most half full.
//! - Between an entry and its home position there is no empty entry.
//! - **The index is never iterated.** The order of its entries depends on history, so no event may depend
//!   on it.
//!
//! # Known limits
//! The hash function is fixed, because a random seed would be an input that the journal does not contain.
//! Our own functions make the ids. A caller who could choose them could only make their own lookups slow.

pub(crate) struct FlatIndex {
    entries: Vec<u64>,
    bits: u32,
    len: usize,
}

#[inline]
fn hash(key: u128) -> u32 {
    let mut x =
        (key as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ ((key >> 64) as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F);
    x ^= x >> 29;
    (x.wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 32) as u32
}

impl FlatIndex {
    pub fn with_bits(bits: u32) -> FlatIndex {
        FlatIndex {
            entries: vec![0; 1 << bits],
            bits,
            len: 0,
        }
    }

    #[inline]
    fn home(&self, hash: u32) -> usize {
        (hash >> (32 - self.bits)) as usize
    }

    /// The slot whose key is `key`. `is` compares `key` with the key of a slot.
    #[inline]
    pub fn find(&self, key: u128, is: impl Fn(u32) -> bool) -> Option<u32> {
        let hash = hash(key);
        let mask = self.entries.len() - 1;
        let mut at = self.home(hash);
        loop {
            let entry = self.entries[at];
            if entry == 0 {
                return None;
            }
            let slot = entry as u32 - 1;
            if (entry >> 32) as u32 == hash && is(slot) {
                return Some(slot);
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a key. It must not be in the index.
    pub fn insert(&mut self, key: u128, slot: u32) {
        if (self.len + 1) * 2 > self.entries.len() {
            self.grow();
        }
        self.put(u64::from(hash(key)) << 32 | u64::from(slot + 1));
        self.len += 1;
    }

    pub fn remove(&mut self, key: u128, slot: u32) {
        let mask = self.entries.len() - 1;
        let wanted = u64::from(hash(key)) << 32 | u64::from(slot + 1);
        let mut at = self.home(hash(key));
        while self.entries[at] != wanted {
            if self.entries[at] == 0 {
                debug_assert!(false, "the key to remove is not in the index");
                return;
            }
            at = (at + 1) & mask;
        }
        let mut next = (at + 1) & mask;
        loop {
            let entry = self.entries[next];
            if entry == 0 {
                break;
            }
            let home = self.home((entry >> 32) as u32);
            // Move the entry back into the hole, unless that would put it before its home position.
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(at) & mask) {
                self.entries[at] = entry;
                at = next;
            }
            next = (next + 1) & mask;
        }
        self.entries[at] = 0;
        self.len -= 1;
    }

    fn put(&mut self, entry: u64) {
        let mask = self.entries.len() - 1;
        let mut at = self.home((entry >> 32) as u32);
        while self.entries[at] != 0 {
            at = (at + 1) & mask;
        }
        self.entries[at] = entry;
    }

    /// Allocates memory for this many keys.
    pub fn warm_up(&mut self, keys: usize) {
        while self.entries.len() < keys * 2 {
            self.grow();
        }
    }

    fn grow(&mut self) {
        self.bits += 1;
        let old = std::mem::replace(&mut self.entries, vec![0; 1 << self.bits]);
        for entry in old {
            if entry != 0 {
                self.put(entry);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::FlatIndex;

    #[test]
    fn finds_what_was_inserted_and_nothing_that_was_removed() {
        let mut index = FlatIndex::with_bits(2);
        let keys: Vec<u128> = (0..5_000u128).map(|i| i << 64 | (i * 7)).collect();
        for (slot, key) in keys.iter().enumerate() {
            index.insert(*key, slot as u32);
        }
        for (slot, key) in keys.iter().enumerate().filter(|(slot, _)| slot % 3 == 0) {
            index.remove(*key, slot as u32);
        }
        for (slot, key) in keys.iter().enumerate() {
            let found = index.find(*key, |s| keys[s as usize] == *key);
            assert_eq!(found, if slot % 3 == 0 { None } else { Some(slot as u32) });
        }
    }
}
