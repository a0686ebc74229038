//! The complete state as bytes. `restore.rs` reads them back.
//!
//! # Form
//! A magic number with the version, the body, a checksum.
//!
//! # Ordering
//! The bytes are canonical: orders by acceptance, levels from the best, entries in queue order, positions
//! by instrument, request records by expiry. Slots, capacities and caches are not written. So two engines
//! in equal states give equal bytes, whatever their history. Values that follow from the orders (reserves,
//! open quantities, account lists) are not written either; `restore` (`restore.rs`) computes them again.
//!
//! # Known limits
//! A snapshot needs a finished state: [`Engine::snapshot`] asserts that [`Engine::needs_continue`] is
//! false. `restore` ends with the full audit, which costs as much as a scan of all accounts and orders.

use crate::codec::{checksum, Writer};
use crate::engine::Engine;
use crate::ladder::{Ladder, NIL};
use crate::market::{FeedQuote, OUTSIDE_CHUNK};
use crate::requests::Record;
use crate::types::*;

pub(crate) const MAGIC: [u8; 8] = *b"CIFTENG2";

impl Engine {
    /// Appends the canonical bytes of the complete state. Equal states give equal bytes. Panics while
    /// [`Engine::needs_continue`]: the state in the middle of a command is not stored.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        assert!(
            !self.work.unfinished,
            "a snapshot needs a finished command: apply Continue until needs_continue() is false"
        );
        let start = out.len();
        let mut to = Writer(out);
        to.put(MAGIC);
        self.write_head(&mut to);
        for market in 0..self.markets.len() {
            self.write_market(market, &mut to);
        }
        self.write_accounts(&mut to);
        to.put(self.margin_terms.len() as u32);
        for terms in &self.margin_terms {
            to.put(terms.insurance);
            to.put(terms.maintenance_percent);
            to.put(terms.interval_ns);
        }
        to.put(self.margin_check_at);
        to.put(self.ledger.transfers.len() as u32);
        for &transfer in &self.ledger.transfers {
            to.put(transfer);
        }
        to.put(self.requests.expiries().count() as u32);
        for (at, slot) in self.requests.expiries() {
            to.put(at);
            write_record(&self.requests.record(slot), &mut to);
        }
        self.write_orders(&mut to);
        let sum = checksum(&out[start..]);
        Writer(out).put(sum);
    }

    fn write_head(&self, to: &mut Writer) {
        to.put(self.sequence);
        to.put(self.now);
        to.put(self.epoch);
        to.put(self.rules);
        to.put(self.format);
        to.put(self.maker_ppm);
        to.put(self.taker_ppm);
        to.put(self.session);
        to.put(self.closes_at);
        to.put(self.closed);
        to.put(self.trades);
        to.put(self.orders.last_acceptance);
        to.put(self.ledger.currencies.len() as u32);
        for balances in &self.ledger.currencies {
            to.put(balances.currency);
            to.put(balances.world);
            to.put(balances.fees);
        }
        to.put(self.feeds.len() as u32);
        for feed in &self.feeds {
            to.put(feed.id);
            to.put(feed.house_account);
            to.put(feed.silence_ns);
            to.put(feed.last_message_at);
        }
        to.put(self.markets.len() as u32);
    }

    fn write_market(&self, at: usize, to: &mut Writer) {
        let market = &self.markets[at];
        to.put(self.definitions[at]);
        to.put(market.currency);
        to.put(market.halted);
        to.put(market.last.is_some());
        if let Some(last) = market.last {
            to.put(last.price);
            to.put(last.quantity);
            to.put(last.at);
        }
        to.put(market.beyond);
        to.put(market.base.price);
        to.put(market.base.period);
        for volume in market.base.volumes {
            to.put(volume.value);
            to.put(volume.lots);
        }
        to.put(market.world);
        let silent = FeedQuote::default();
        for feed in 0..self.feeds.len() {
            let quote = market.quotes.get(feed).unwrap_or(&silent);
            to.put(quote.last_source_sequence);
            to.put(quote.bid.price);
            to.put(quote.ask.price);
        }
    }

    fn write_accounts(&self, to: &mut Writer) {
        to.put(self.ledger.accounts.len() as u32);
        for account in &self.ledger.accounts {
            to.put(account.id);
            to.put(account.kind);
            to.put(account.role);
            to.put(account.state);
            to.put(account.currency);
            to.put(account.cash);
            to.put(account.baseline);
            to.put(account.limits);
            to.put(account.rate_second);
            to.put(account.rate_count);
            let held = account
                .positions
                .iter()
                .map(|&(at, slot)| (at, &self.ledger.positions[slot as usize]));
            let held: Vec<_> = held.filter(|(_, position)| position.lots != 0).collect();
            to.put(held.len() as u32);
            for (instrument, position) in held {
                to.put(instrument);
                to.put(position.lots);
                to.put(position.cost);
            }
        }
    }

    fn write_orders(&self, to: &mut Writer) {
        let slots = self.orders.by_acceptance();
        let mut number = vec![NIL; self.orders.slots.len()];
        for (at, &slot) in slots.iter().enumerate() {
            number[slot as usize] = at as u32;
        }
        let numbered = |slot: u32| if slot == NIL { NIL } else { number[slot as usize] };
        to.put(slots.len() as u32);
        for &slot in &slots {
            let order = &self.orders[slot];
            to.put(order.id);
            to.put(order.acceptance);
            to.put(order.account);
            to.put(order.instrument);
            to.put(order.side);
            to.put(order.kind);
            to.put(order.time_in_force);
            to.put(order.self_trade);
            to.put(order.status);
            to.put(order.post_only);
            to.put(order.reduce_only);
            to.put(order.counted);
            to.put(order.quantity);
            to.put(order.filled);
            to.put(order.filled_notional);
            to.put(order.limit);
            to.put(order.stop);
            to.put(order.best);
            to.put(order.trail);
            to.put(order.display);
            to.put(order.adverse);
            to.put(order.reserve_price);
            to.put(order.maker_ppm);
            to.put(order.taker_ppm);
            to.put(order.fee_credit);
            for link in [order.parent, order.take_profit, order.stop_loss, order.sibling] {
                to.put(numbered(link));
            }
            to.put(order.request != NIL);
            if order.request != NIL {
                write_record(&self.requests.record(order.request), to);
            }
        }
        for market in &self.markets {
            for side in [Side::Buy, Side::Sell] {
                let ladder = market.book.ladder(side);
                to.put(ladder.len() as u32);
                for node in ladder.nodes() {
                    let entry = ladder.node(node);
                    let is_chunk = entry.owner & OUTSIDE_CHUNK != 0;
                    to.put(is_chunk);
                    to.put(if is_chunk {
                        market.chunks[(entry.owner & !OUTSIDE_CHUNK) as usize].feed
                    } else {
                        numbered(entry.owner)
                    });
                    to.put(entry.price);
                    to.put(entry.quantity);
                    to.put(ladder.hidden(node));
                }
            }
            for ladder in [
                &market.stop_buys,
                &market.stop_sells,
                &market.trail_buys,
                &market.trail_sells,
            ] {
                to.put(ladder.len() as u32);
                for node in ladder.nodes() {
                    to.put(numbered(ladder.node(node).owner));
                }
            }
            to.put(market.waiting.len() as u32);
            for &slot in &market.waiting {
                to.put(numbered(slot));
            }
        }
    }
}

impl Ladder {
    /// All entries: best level first, each level in queue order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = u32> + '_ {
        std::iter::successors(self.best(), |&price| self.next_price(price))
            .flat_map(|price| std::iter::successors(self.front_at(price), |&node| self.next_in_level(node)))
    }
}

fn write_record(record: &Record, to: &mut Writer) {
    to.put(record.key);
    to.put(record.body);
    to.put(record.account);
    to.put(record.first);
}
