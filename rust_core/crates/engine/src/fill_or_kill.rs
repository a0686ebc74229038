//! Fill-or-kill: is the whole of an order there, before its first trade?
//!
//! Counts only what nothing can take away between the first trade and the last, so that an order which
//! passes is filled whole. Within a level everything shown comes before what refills (an iceberg's
//! refill goes to the end of its level). Left out, though they may well trade:
//! - reduce-only orders of an account that has more open on that side than it could close: a fill of
//!   one of its other orders can cancel them. Where it has no more open than that, each fill lowers both
//!   alike and none is cancelled;
//! - what a house could not trade within `MAX_POSITION`.
//!
//! Nothing else leaves the book during a pass but own orders, which self-trade prevention takes out.

use crate::book::Book;
use crate::engine::{Engine, MAX_FEEDS};
use crate::ladder::Node;
use crate::market::HOUSE;
use crate::orders::Order;
use crate::types::*;

/// Lots that an entry of the book is sure to give.
enum Sure {
    Lots {
        shown: i64,
        hidden: i64,
    },
    /// An own order at which the taker would be cancelled.
    End,
}

impl Engine {
    /// Is the whole of the order's rest there at acceptable prices?
    pub(crate) fn can_fill(&self, slot: u32, limit: i64) -> bool {
        let order = &self.orders[slot];
        let ladder = self.markets[order.instrument as usize]
            .book
            .ladder(order.side.opposite());
        let mut missing = order.leaves();
        let mut counted = [0; MAX_FEEDS];
        let mut price = ladder.best();
        while let Some(at) = price.filter(|&at| Book::acceptable(order.side, limit, at)) {
            let mut refills = 0i64;
            let mut node = ladder.front_at(at);
            while let Some(entry) = node {
                match self.sure(order, ladder.node(entry), &mut counted) {
                    Sure::Lots { shown, hidden } => {
                        missing -= shown;
                        refills = refills.saturating_add(hidden);
                    }
                    Sure::End => return false,
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

    /// `counted`: lots of each house so far, kept at the first feed that it stands behind.
    fn sure(&self, taker: &Order, entry: &Node, counted: &mut [i64; MAX_FEEDS]) -> Sure {
        let side = taker.side.opposite();
        if entry.owner & HOUSE != 0 {
            let chunk = &self.markets[taker.instrument as usize].chunks[(entry.owner & !HOUSE) as usize];
            let house = self.feeds[chunk.feed as usize].house;
            let first = self.feeds.iter().position(|feed| feed.house == house).unwrap_or(0);
            let room = self.house_room(chunk.feed, taker.instrument, side) - counted[first];
            let shown = entry.quantity.min(room);
            counted[first] += shown;
            return Sure::Lots { shown, hidden: 0 };
        }
        let maker = &self.orders[entry.owner];
        if maker.account == taker.account {
            match taker.self_trade {
                SelfTradePrevention::CancelNewest | SelfTradePrevention::CancelBoth => return Sure::End,
                SelfTradePrevention::CancelOldest => return Sure::Lots { shown: 0, hidden: 0 },
                SelfTradePrevention::None => {}
            }
        }
        let position = &self.ledger.positions[maker.position as usize];
        if maker.reduce_only && position.open(side) > position.closing(side) {
            return Sure::Lots { shown: 0, hidden: 0 };
        }
        Sure::Lots {
            shown: entry.quantity,
            hidden: entry.hidden,
        }
    }
}
