//! Fill-or-kill: is the whole quantity available before the first trade? (R5.9 to R5.13, R5.47)
//!
//! The sum counts only quantity that nothing can remove between the first trade and the last. So an order
//! that passes is filled completely. Within a level all shown quantity comes before hidden quantity,
//! because a refill goes to the end of its level.
//!
//! # Known limits
//! These are not counted although they may trade:
//! - reduce-only orders of an account that has more open on that side than it can close: a fill of another
//!   of its orders can cancel them. If it has no more open than that, each fill lowers both amounts alike
//!   and cancels none;
//! - the part of a house account's quote beyond `MAX_POSITION`;
//! - an entry whose held stop-loss would trigger at the entry's price: its first fill ends it (R5.48);
//! - an own entry with legs: the taker's other fills can end them, and they end it.
//!
//! During a pass nothing else leaves the book except own orders, which self-trade prevention removes.

use crate::book::Book;
use crate::engine::{Engine, MAX_FEEDS};
use crate::ladder::{Node, NIL};
use crate::market::{Market, OUTSIDE_CHUNK};
use crate::orders::Order;
use crate::types::*;

/// Entries of the book that one order may have examined (R5.47). Beyond, it is killed: a scan of a whole book would
/// cost the sender nothing.
const MAX_FILL_OR_KILL_ENTRIES: u32 = 1_000;

/// Lots that an entry of the book certainly provides.
enum Certain {
    Lots {
        shown: i64,
        hidden: i64,
    },
    /// An own order at which self-trade prevention would cancel the taker.
    End,
}

const NONE: Certain = Certain::Lots { shown: 0, hidden: 0 };

impl Engine {
    /// Is the order's whole remaining quantity available at acceptable prices?
    pub(crate) fn can_fill(&self, slot: u32, limit: i64) -> bool {
        let order = &self.orders[slot];
        let ladder = self.markets[order.instrument as usize]
            .book
            .ladder(order.side.opposite());
        let mut missing = order.leaves();
        let mut counted = [0; MAX_FEEDS];
        let mut examined = 0;
        let mut price = ladder.best();
        while let Some(at) = price.filter(|&at| Book::acceptable(order.side, limit, at)) {
            let mut refills = 0i64;
            let mut node = ladder.front_at(at);
            while let Some(entry) = node {
                examined += 1;
                if examined > MAX_FILL_OR_KILL_ENTRIES {
                    return false;
                }
                match self.certain_lots(order, ladder.node(entry), ladder.hidden(entry), &mut counted) {
                    Certain::Lots { shown, hidden } => {
                        missing -= shown;
                        refills = refills.saturating_add(hidden);
                    }
                    Certain::End => return false,
                }
                if missing <= 0 {
                    return true;
                }
                node = ladder.next_in_level(entry);
            }
            missing -= refills;
            if missing <= 0 {
                return true;
            }
            price = ladder.next_price(at);
        }
        false
    }

    /// `counted`: lots of each house account so far, stored at the index of its first feed.
    fn certain_lots(&self, taker: &Order, entry: &Node, hidden: i64, counted: &mut [i64; MAX_FEEDS]) -> Certain {
        let side = taker.side.opposite();
        if entry.owner & OUTSIDE_CHUNK != 0 {
            let chunk = &self.markets[taker.instrument as usize].chunks[(entry.owner & !OUTSIDE_CHUNK) as usize];
            let house_account = self.feeds[chunk.feed as usize].house_account;
            let first = self
                .feeds
                .iter()
                .position(|feed| feed.house_account == house_account)
                .unwrap_or(0);
            let capacity = self.house_account_capacity(chunk.feed, taker.instrument, side) - counted[first];
            let shown = entry.quantity.min(capacity);
            counted[first] += shown;
            return Certain::Lots { shown, hidden: 0 };
        }
        let maker = &self.orders[entry.owner];
        if maker.account == taker.account {
            match taker.self_trade {
                SelfTradePrevention::CancelNewest | SelfTradePrevention::CancelBoth => return Certain::End,
                SelfTradePrevention::CancelOldest => return NONE,
                SelfTradePrevention::None if maker.take_profit != NIL || maker.stop_loss != NIL => return NONE,
                SelfTradePrevention::None => {}
            }
        }
        if maker.stop_loss != NIL {
            let leg = &self.orders[maker.stop_loss];
            if leg.status == OrderStatus::Held && Market::triggers(leg.side, leg.stop, entry.price) {
                return NONE;
            }
        }
        let position = &self.ledger.positions[maker.position as usize];
        if maker.reduce_only && position.open(side) > position.closable(side) {
            return NONE;
        }
        Certain::Lots {
            shown: entry.quantity,
            hidden,
        }
    }
}
