//! The engine's book behind the ABI.

use crate::abi::*;
use crate::ids::Ids;
use crate::{Matcher, Reports};
use cift_engine::book::{Book, Handle};
use cift_engine::Side;

pub(crate) struct BookMatcher {
    book: Book,
    ids: Ids,
    /// The id of an order, by the `owner` of its entry in the book.
    owners: Vec<u64>,
    free: Vec<u32>,
}

fn side(code: u8) -> Side {
    if code == 0 {
        Side::Buy
    } else {
        Side::Sell
    }
}

#[inline]
fn pack(handle: Handle, owner: u32) -> u64 {
    u64::from(owner) << 32 | u64::from(handle.slot) << 1 | u64::from(handle.side == Side::Sell)
}

#[inline]
fn unpack(value: u64) -> (Handle, u32) {
    let handle = Handle {
        side: side((value & 1) as u8),
        slot: (value as u32) >> 1,
    };
    (handle, (value >> 32) as u32)
}

impl BookMatcher {
    pub(crate) fn new() -> BookMatcher {
        BookMatcher {
            book: Book::new(),
            ids: Ids::with_bits(12),
            owners: Vec::new(),
            free: Vec::new(),
        }
    }

    /// Matches an order of which `quantity` lots are left, and rests the remainder. Returns the unmatched lots.
    #[inline]
    fn submit(&mut self, order: &NewOrder, reports: &Reports) -> i64 {
        let side = side(order.side);
        let BookMatcher {
            book,
            ids,
            owners,
            free,
        } = self;
        let left = book.take(side, Some(order.price), i64::from(order.quantity), |trade| {
            let maker = owners[trade.owner as usize];
            let lots = trade.quantity as u32;
            reports.send(&Report::trade(order.sequence, trade.price, lots, maker, order.order_id));
            if trade.done {
                ids.remove(maker);
                free.push(trade.owner);
            }
        });
        if left > 0 && order.ioc == 0 {
            let owner = free.pop().unwrap_or_else(|| {
                owners.push(0);
                owners.len() as u32 - 1
            });
            owners[owner as usize] = order.order_id;
            let handle = book.add(side, order.price, left, owner);
            ids.insert(order.order_id, pack(handle, owner));
        }
        left
    }
}

impl Matcher for BookMatcher {
    #[inline]
    fn new_order(&mut self, order: &NewOrder, reports: &Reports) {
        let NewOrder {
            order_id,
            sequence,
            price,
            quantity,
            side,
            ioc,
            ..
        } = *order;
        reports.send(&Report::of(ORDER_ACK, sequence, order_id, side, price, quantity));
        let left = self.submit(order, reports);
        if ioc != 0 && left > 0 {
            reports.send(&Report::of(CANCEL_ACK, sequence, order_id, side, price, left as u32));
        }
    }

    #[inline]
    fn cancel(&mut self, cancel: &Cancel, reports: &Reports) {
        let Cancel { order_id, sequence } = *cancel;
        let Some(value) = self.ids.remove(order_id) else {
            return reports.send(&Report::of(CANCEL_REJECT, sequence, order_id, 0, 0, 0));
        };
        let (handle, owner) = unpack(value);
        let (price, left) = (self.book.price(handle), self.book.left(handle) as u32);
        self.book.cancel(handle);
        self.free.push(owner);
        let side = u8::from(handle.side == Side::Sell);
        reports.send(&Report::of(CANCEL_ACK, sequence, order_id, side, price, left));
    }

    #[inline]
    fn modify(&mut self, modify: &Modify, reports: &Reports) {
        let Modify {
            order_id,
            sequence,
            price,
            quantity,
            ..
        } = *modify;
        let Some(value) = self.ids.remove(order_id) else {
            return reports.send(&Report::of(MODIFY_REJECT, sequence, order_id, 0, 0, 0));
        };
        let (handle, owner) = unpack(value);
        self.book.cancel(handle);
        self.free.push(owner);
        let side = u8::from(handle.side == Side::Sell);
        reports.send(&Report::of(MODIFY_ACK, sequence, order_id, side, price, quantity));
        self.submit(&modify.replacement(side), reports);
    }

    fn best(&self, buy: bool) -> Option<i64> {
        self.book.best(if buy { Side::Buy } else { Side::Sell })
    }

    fn depth(&self, price: i64, buy: bool) -> u64 {
        self.book
            .level(if buy { Side::Buy } else { Side::Sell }, price)
            .quantity as u64
    }
}
