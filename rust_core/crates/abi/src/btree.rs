//! A baseline: the usual book of `BTreeMap`s and queues, with the same index of ids as the engine's book.

use crate::abi::*;
use crate::ids::Ids;
use crate::{Matcher, Reports};
use std::collections::{BTreeMap, VecDeque};

#[derive(Clone, Copy)]
struct Resting {
    id: u64,
    quantity: u32,
}

pub(crate) struct BTreeMatcher {
    /// Bids by negated price, so that the first key is the best on both sides.
    sides: [BTreeMap<i64, VecDeque<Resting>>; 2],
    /// Price and side of each resting order.
    ids: Ids,
}

impl Default for BTreeMatcher {
    fn default() -> Self {
        BTreeMatcher {
            sides: Default::default(),
            ids: Ids::with_bits(12),
        }
    }
}

fn key(price: i64, side: u8) -> i64 {
    if side == 0 {
        -price
    } else {
        price
    }
}

impl BTreeMatcher {
    fn submit(&mut self, order: &NewOrder, reports: &Reports) -> u32 {
        let mut left = order.quantity;
        let other = &mut self.sides[usize::from(1 - order.side)];
        while left > 0 {
            let Some(mut level) = other.first_entry() else { break };
            let price = key(*level.key(), 1 - order.side);
            if key(price, order.side) < key(order.price, order.side) {
                break;
            }
            let queue = level.get_mut();
            while let Some(maker) = queue.front_mut().filter(|_| left > 0) {
                let lots = left.min(maker.quantity);
                left -= lots;
                maker.quantity -= lots;
                let report = Report::trade(order.sequence, price, lots, maker.id, order.order_id);
                reports.send(&report);
                if maker.quantity == 0 {
                    self.ids.remove(maker.id);
                    queue.pop_front();
                }
            }
            if queue.is_empty() {
                level.remove();
            }
        }
        if left > 0 && order.ioc == 0 {
            let own = &mut self.sides[usize::from(order.side)];
            own.entry(key(order.price, order.side)).or_default().push_back(Resting {
                id: order.order_id,
                quantity: left,
            });
            self.ids
                .insert(order.order_id, (order.price as u64) << 1 | u64::from(order.side));
        }
        left
    }

    /// Removes a resting order. Returns its side, price and lots.
    fn take_out(&mut self, id: u64) -> Option<(u8, i64, u32)> {
        let value = self.ids.remove(id)?;
        let (side, price) = ((value & 1) as u8, (value >> 1) as i64);
        let levels = &mut self.sides[usize::from(side)];
        let queue = levels.get_mut(&key(price, side))?;
        let at = queue.iter().position(|order| order.id == id)?;
        let quantity = queue.remove(at)?.quantity;
        if queue.is_empty() {
            levels.remove(&key(price, side));
        }
        Some((side, price, quantity))
    }
}

impl Matcher for BTreeMatcher {
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
            reports.send(&Report::of(CANCEL_ACK, sequence, order_id, side, price, left));
        }
    }

    fn cancel(&mut self, cancel: &Cancel, reports: &Reports) {
        let Cancel { order_id, sequence } = *cancel;
        reports.send(&match self.take_out(order_id) {
            None => Report::of(CANCEL_REJECT, sequence, order_id, 0, 0, 0),
            Some((side, price, left)) => Report::of(CANCEL_ACK, sequence, order_id, side, price, left),
        });
    }

    fn modify(&mut self, modify: &Modify, reports: &Reports) {
        let Modify {
            order_id,
            sequence,
            price,
            quantity,
            ..
        } = *modify;
        let Some((side, ..)) = self.take_out(order_id) else {
            return reports.send(&Report::of(MODIFY_REJECT, sequence, order_id, 0, 0, 0));
        };
        reports.send(&Report::of(MODIFY_ACK, sequence, order_id, side, price, quantity));
        self.submit(&modify.replacement(side), reports);
    }

    fn best(&self, buy: bool) -> Option<i64> {
        let side = u8::from(!buy);
        let (&best, _) = self.sides[usize::from(side)].first_key_value()?;
        Some(key(best, side))
    }

    fn depth(&self, price: i64, buy: bool) -> u64 {
        let side = u8::from(!buy);
        let queue = self.sides[usize::from(side)].get(&key(price, side));
        queue.map_or(0, |queue| queue.iter().map(|order| u64::from(order.quantity)).sum())
    }
}
