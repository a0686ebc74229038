//! Where the queues of a ladder are: by price in pages, which exist as long as they have a queue.

use crate::ladder::{Ladder, Queue, EMPTY, NIL, RECENT_PAGES};
use crate::page::{Page, FEW, PAGE_TICKS};

/// A page with fewer queues than this lists them again. With that many, an array of 2 KiB and all else take less than
/// 300 bytes an entry.
const ARRAY_FROM: usize = 10;

impl Ladder {
    /// Frees the queues that became empty. Do not call it while a command still holds levels.
    #[inline]
    pub fn trim(&mut self) {
        if !self.emptied.is_empty() {
            self.free_emptied();
        }
    }

    fn free_emptied(&mut self) {
        while let Some((queue, offset)) = self.emptied.pop() {
            self.queues[queue as usize].leave_emptied();
            if self.queues[queue as usize].count == 0 {
                self.free_queue(queue, offset as usize);
            }
        }
    }

    fn free_queue(&mut self, queue: u32, offset: usize) {
        let slot = self.queues[queue as usize].page();
        self.free_queues.push(queue);
        let page = &mut self.pages[slot as usize];
        if page.array == NIL {
            page.remove_listed(offset);
        } else {
            self.arrays[page.array as usize * PAGE_TICKS + offset] = NIL;
            page.count -= 1;
            if usize::from(page.count) < ARRAY_FROM {
                self.list_again(slot);
            }
        }
        if self.pages[slot as usize].count == 0 {
            self.free_page(slot);
        }
    }

    /// Replaces the array of a page by a list.
    #[cold]
    fn list_again(&mut self, slot: u32) {
        let kept = self.queues_of(slot);
        let page = &mut self.pages[slot as usize];
        let array = std::mem::replace(&mut page.array, NIL);
        page.count = 0;
        for &(offset, queue) in &kept {
            page.add_listed(offset, queue);
        }
        self.arrays[array as usize * PAGE_TICKS..][..PAGE_TICKS].fill(NIL);
        self.free_arrays.push(array);
    }

    #[cold]
    fn free_page(&mut self, slot: u32) {
        let number = self.pages[slot as usize].number;
        let recent = &mut self.recent[recent_place(number)];
        if recent.0 == number {
            recent.1 = NIL;
        }
        self.directory.remove(&number);
        self.free_pages.push(slot);
    }

    /// The queues of a page with their offsets.
    fn queues_of(&self, page: u32) -> Vec<(usize, u32)> {
        let page = &self.pages[page as usize];
        if page.array == NIL {
            return page.list().collect();
        }
        let array = &self.arrays[page.array as usize * PAGE_TICKS..][..PAGE_TICKS];
        let found = array.iter().enumerate().filter(|(_, &queue)| queue != NIL);
        found.map(|(offset, &queue)| (offset, queue)).collect()
    }

    #[inline]
    pub(crate) fn queue_in(&self, page: u32, offset: usize) -> Option<u32> {
        let page = &self.pages[page as usize];
        if page.array == NIL {
            return page.listed(offset);
        }
        let queue = self.arrays[page.array as usize * PAGE_TICKS + offset];
        (queue != NIL).then_some(queue)
    }

    pub(crate) fn find(&self, price: i64) -> Option<u32> {
        let number = price.div_euclid(PAGE_TICKS as i64);
        let recent = self.recent[recent_place(number)];
        let slot = if recent.0 == number && recent.1 != NIL {
            recent.1
        } else {
            *self.directory.get(&number)?
        };
        self.queue_in(slot, price.rem_euclid(PAGE_TICKS as i64) as usize)
    }

    /// The queue of a price. Adds one if there is none.
    #[inline]
    pub(crate) fn queue_of(&mut self, price: i64) -> u32 {
        let page = self.page_of(price);
        let offset = price.rem_euclid(PAGE_TICKS as i64) as usize;
        match self.queue_in(page, offset) {
            Some(queue) => queue,
            None => self.new_queue(page, offset),
        }
    }

    fn new_queue(&mut self, page: u32, offset: usize) -> u32 {
        let queue = self.free_queues.pop().unwrap_or_else(|| {
            self.queues.push(EMPTY);
            (self.queues.len() - 1) as u32
        });
        self.queues[queue as usize] = Queue::of_page(page);
        self.attach(page, offset, queue);
        queue
    }

    fn attach(&mut self, slot: u32, offset: usize, queue: u32) {
        let page = &mut self.pages[slot as usize];
        if page.array == NIL && usize::from(page.count) < FEW {
            return page.add_listed(offset, queue);
        }
        if page.array == NIL {
            let array = self.free_arrays.pop().unwrap_or_else(|| {
                self.arrays.resize(self.arrays.len() + PAGE_TICKS, NIL);
                (self.arrays.len() / PAGE_TICKS - 1) as u32
            });
            for (offset, queue) in page.list() {
                self.arrays[array as usize * PAGE_TICKS + offset] = queue;
            }
            page.array = array;
        }
        page.count += 1;
        self.arrays[page.array as usize * PAGE_TICKS + offset] = queue;
    }

    #[inline]
    fn page_of(&mut self, price: i64) -> u32 {
        let number = price.div_euclid(PAGE_TICKS as i64);
        let recent = self.recent[recent_place(number)];
        if recent.0 == number && recent.1 != NIL {
            return recent.1;
        }
        let slot = match self.directory.get(&number) {
            Some(&slot) => slot,
            None => self.new_page(number),
        };
        self.recent[recent_place(number)] = (number, slot);
        slot
    }

    #[cold]
    fn new_page(&mut self, number: i64) -> u32 {
        let page = Page::new(number);
        let slot = match self.free_pages.pop() {
            Some(slot) => {
                self.pages[slot as usize] = page;
                slot
            }
            None => {
                self.pages.push(page);
                (self.pages.len() - 1) as u32
            }
        };
        self.directory.insert(number, slot);
        slot
    }

    /// Bytes in use for entries, queues, pages and directory, without what the pools have in reserve.
    #[cfg(test)]
    fn bytes_in_use(&self) -> usize {
        let queues = self.queues.len() - self.free_queues.len();
        let pages = self.pages.len() - self.free_pages.len();
        let arrays = self.arrays.len() / PAGE_TICKS - self.free_arrays.len();
        self.len * size_of::<crate::ladder::Node>()
            + queues * size_of::<Queue>()
            + pages * (size_of::<Page>() + 20)
            + arrays * PAGE_TICKS * size_of::<u32>()
    }
}

#[inline]
fn recent_place(number: i64) -> usize {
    number.rem_euclid(RECENT_PAGES as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Orders at these prices take at most 300 bytes each, and what they took is free again when they are gone.
    fn take_little_memory(prices: impl Iterator<Item = i64> + Clone) {
        for ascending in [false, true] {
            let mut ladder = Ladder::new(ascending);
            let nodes: Vec<u32> = prices.clone().map(|price| ladder.push(price, 1, 0, 0, 0)).collect();
            let each = ladder.bytes_in_use() / nodes.len();
            assert!(each <= 300, "{each} bytes");
            let mut walked: Vec<i64> = std::iter::successors(ladder.best(), |&at| ladder.next_price(at)).collect();
            if !ascending {
                walked.reverse();
            }
            let mut expected: Vec<i64> = prices.clone().collect();
            expected.sort_unstable();
            expected.dedup();
            assert_eq!(walked, expected);
            for node in nodes {
                ladder.remove(node);
                ladder.trim();
            }
            assert_eq!((ladder.best(), ladder.len()), (None, 0));
            assert_eq!(ladder.bytes_in_use(), 0);
        }
    }

    #[test]
    fn memory_follows_orders_whatever_their_prices() {
        let orders = 0..100_000;
        take_little_memory(orders.clone().map(|number| 1 + number * 512));
        take_little_memory(orders.clone().map(|number| 1 + number * 40));
        take_little_memory(orders.clone().map(|number| 1 + number));
        take_little_memory(orders.clone().map(|number| 1 + number / 7));
        take_little_memory(orders.map(|number| 1 + (number * 7_919_777) % 10_000_019));
    }
}
