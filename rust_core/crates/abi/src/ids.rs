//! From a client's order id to a value: open addressing, linear probing, removal without tombstones.

#[derive(Clone, Copy)]
struct Entry {
    id: u64,
    value: u64,
}

const EMPTY: u64 = u64::MAX;

/// At most half full. A value is below `u64::MAX`.
pub struct Ids {
    entries: Vec<Entry>,
    shift: u32,
    len: usize,
}

impl Ids {
    pub fn with_bits(bits: u32) -> Ids {
        Ids {
            entries: vec![Entry { id: 0, value: EMPTY }; 1 << bits],
            shift: 64 - bits,
            len: 0,
        }
    }

    #[inline]
    fn home(&self, id: u64) -> usize {
        (id.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> self.shift) as usize
    }

    /// The position of the id, or of the empty entry where it would be.
    #[inline]
    fn place(&self, id: u64) -> usize {
        let mask = self.entries.len() - 1;
        let mut at = self.home(id);
        while self.entries[at].value != EMPTY && self.entries[at].id != id {
            at = (at + 1) & mask;
        }
        at
    }

    #[inline]
    pub fn find(&self, id: u64) -> Option<u64> {
        let value = self.entries[self.place(id)].value;
        (value != EMPTY).then_some(value)
    }

    #[inline]
    pub fn insert(&mut self, id: u64, value: u64) {
        if (self.len + 1) * 2 > self.entries.len() {
            self.grow();
        }
        let at = self.place(id);
        self.len += usize::from(self.entries[at].value == EMPTY);
        self.entries[at] = Entry { id, value };
    }

    #[inline]
    pub fn remove(&mut self, id: u64) -> Option<u64> {
        let mask = self.entries.len() - 1;
        let mut at = self.place(id);
        let removed = self.entries[at].value;
        if removed == EMPTY {
            return None;
        }
        let mut next = (at + 1) & mask;
        while self.entries[next].value != EMPTY {
            let home = self.home(self.entries[next].id);
            if (next.wrapping_sub(home) & mask) >= (next.wrapping_sub(at) & mask) {
                self.entries[at] = self.entries[next];
                at = next;
            }
            next = (next + 1) & mask;
        }
        self.entries[at].value = EMPTY;
        self.len -= 1;
        Some(removed)
    }

    #[cold]
    fn grow(&mut self) {
        let mut larger = Ids::with_bits(64 - self.shift + 1);
        for entry in self.entries.iter().filter(|entry| entry.value != EMPTY) {
            larger.insert(entry.id, entry.value);
        }
        *self = larger;
    }
}
