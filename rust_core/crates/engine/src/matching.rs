//! Matching: a taker trades with the other side of the book, one trade per step.
//!
//! # Ordering
//! Price, then time. Every trade is at the resting order's price.
//!
//! # Takers
//! A taker is a user's order, one side of a feed's new quote, or a feed's print. A print fills users'
//! orders but only shrinks the chunks of outside quotes. This module also decides what happens to the
//! remainder of a user's order. After a pass, the stops are scanned with the pass's lowest and highest
//! price (`stops.rs`).

use crate::book::Book;
use crate::engine::Engine;
use crate::market::OUTSIDE_CHUNK;
use crate::money::fee;
use crate::orders::{Location, Order};
use crate::types::*;
use crate::work::{Pass, Scan, Taker};
use crate::Events;

/// One side of a trade.
#[derive(Clone, Copy)]
enum Party {
    Order(u32),
    /// A house account, given by the index of its feed.
    HouseAccount(u32),
}

impl Engine {
    /// Starts the pass of an order that is now a market or limit order.
    pub(crate) fn start_pass(&mut self, slot: u32, events: &mut Events) {
        let order = &self.orders[slot];
        let (instrument, side) = (order.instrument, order.side);
        let market = &mut self.markets[instrument as usize];
        market.move_base(self.now);
        let own_limit = if order.is_market() {
            match market.reference() {
                Some(reference) => {
                    let collar = market.collar(side, reference);
                    // Lots that open a position must not cost more than the account covered (R5.5).
                    let opens = order.leaves() > self.ledger.positions[order.position as usize].closable(side);
                    match side {
                        _ if !opens => collar,
                        Side::Buy => collar.min(order.worst_price()),
                        Side::Sell => collar.max(order.worst_price()),
                    }
                }
                None => return self.close(slot, OrderStatus::Canceled, CloseReason::NoLiquidity, events),
            }
        } else {
            order.limit
        };
        // No order of a user trades beyond the band, whatever its own limit is (R12.7).
        let limit = match (side, market.base_band(side)) {
            (Side::Buy, Some(band)) => own_limit.min(band),
            (Side::Sell, Some(band)) => own_limit.max(band),
            (_, None) => own_limit,
        };
        if order.time_in_force == TimeInForce::Fok && !self.can_fill(slot, limit) {
            return self.close(slot, OrderStatus::Canceled, CloseReason::FillOrKill, events);
        }
        self.work.pass = Some(Pass {
            taker: Taker::Order(slot),
            instrument,
            side,
            limit,
            own_limit,
            low: 0,
            high: 0,
        });
    }

    /// The queue entry that the taker meets next, and the taker's remaining lots.
    #[inline]
    pub(crate) fn next_match(&self, pass: &Pass) -> Option<(u32, i64)> {
        let left = match pass.taker {
            Taker::Order(slot) => self.orders[slot].leaves(),
            Taker::Quote { left, .. } | Taker::Print { left, .. } => left,
            Taker::Removed => 0,
        };
        let ladder = self.markets[pass.instrument as usize].book.ladder(pass.side.opposite());
        let best = ladder.best()?;
        if left == 0 || !Book::acceptable(pass.side, pass.limit, best) {
            return None;
        }
        Some((ladder.front()?, left))
    }

    /// Does one trade of the pass, or ends the pass.
    pub(crate) fn match_step(&mut self, events: &mut Events) {
        let Some(pass) = self.work.pass else { return };
        let Some((node, left)) = self.next_match(&pass) else {
            return self.end_pass(pass, events);
        };
        let resting = self.markets[pass.instrument as usize]
            .book
            .ladder(pass.side.opposite())
            .node(node);
        let (price, shown, owner) = (resting.price, resting.quantity, resting.owner);
        if owner & OUTSIDE_CHUNK != 0 {
            return self.match_chunk(pass, node, price, shown.min(left), owner & !OUTSIDE_CHUNK, events);
        }
        match pass.taker {
            Taker::Order(slot) => {
                let taker = &self.orders[slot];
                if taker.account == self.orders[owner].account && taker.self_trade != SelfTradePrevention::None {
                    return self.prevent_self_trade(slot, owner, taker.self_trade, events);
                }
                self.trade(
                    pass,
                    price,
                    shown.min(left),
                    Party::Order(owner),
                    Party::Order(slot),
                    events,
                );
            }
            Taker::Quote { feed, .. } | Taker::Print { feed, .. } => {
                let lots = shown
                    .min(left)
                    .min(self.house_account_capacity(feed, pass.instrument, pass.side));
                if lots > 0 {
                    return self.trade(
                        pass,
                        price,
                        lots,
                        Party::Order(owner),
                        Party::HouseAccount(feed),
                        events,
                    );
                }
                // The house account can trade no more: drop the remainder (R7.33).
                let mut pass = pass;
                if let Taker::Quote { left, .. } | Taker::Print { left, .. } = &mut pass.taker {
                    *left = 0;
                }
                self.work.pass = Some(pass);
            }
            Taker::Removed => {}
        }
    }

    fn prevent_self_trade(&mut self, taker: u32, maker: u32, mode: SelfTradePrevention, events: &mut Events) {
        use SelfTradePrevention::{CancelBoth, CancelNewest, CancelOldest};
        let acceptance = self.orders[taker].acceptance;
        if matches!(mode, CancelOldest | CancelBoth) {
            self.close(maker, OrderStatus::Canceled, CloseReason::SelfTrade, events);
        }
        if matches!(mode, CancelNewest | CancelBoth) && self.orders.is_current(taker, acceptance) {
            self.close(taker, OrderStatus::Canceled, CloseReason::SelfTrade, events);
        }
    }

    /// Handles a chunk of an outside quote at the front of the book.
    fn match_chunk(&mut self, pass: Pass, node: u32, price: i64, lots: i64, chunk: u32, events: &mut Events) {
        let side = pass.side.opposite();
        let feed = self.markets[pass.instrument as usize].chunks[chunk as usize].feed;
        match pass.taker {
            Taker::Order(slot) => {
                let capacity = self.house_account_capacity(feed, pass.instrument, side);
                if capacity == 0 {
                    return self.withdraw_side(pass.instrument, feed, side);
                }
                self.trade(
                    pass,
                    price,
                    lots.min(capacity),
                    Party::HouseAccount(feed),
                    Party::Order(slot),
                    events,
                );
            }
            // The newer quote replaces the older one (R7.19).
            Taker::Quote { .. } => self.withdraw_side(pass.instrument, feed, side),
            Taker::Print { feed: printer, left } => {
                self.touch(pass.instrument, side, node);
                self.fill_chunk(pass.instrument, node, chunk, lots);
                self.work.pass = Some(Pass {
                    taker: Taker::Print {
                        feed: printer,
                        left: left - lots,
                    },
                    ..pass
                });
            }
            Taker::Removed => {}
        }
    }

    fn trade(&mut self, mut pass: Pass, price: i64, lots: i64, maker: Party, taker: Party, events: &mut Events) {
        let instrument = pass.instrument as usize;
        let market = &self.markets[instrument];
        let notional = market.notional(price, lots);
        let (quantity, nanos) = (lots * market.lot, price * market.tick);
        self.trades += 1;
        let trade = self.trades;

        // Change the book first, so that everything below sees it as it is after the trade.
        let node = match self.markets[instrument].book.ladder(pass.side.opposite()).front() {
            Some(node) => node,
            None => return,
        };
        self.touch(pass.instrument, pass.side.opposite(), node);
        match maker {
            Party::Order(slot) => {
                if self.markets[instrument]
                    .book
                    .ladder_mut(pass.side.opposite())
                    .fill(node, lots)
                    == 0
                {
                    self.orders[slot].location = Location::Detached;
                }
            }
            Party::HouseAccount(_) => {
                let chunk = self.markets[instrument]
                    .book
                    .ladder(pass.side.opposite())
                    .node(node)
                    .owner
                    & !OUTSIDE_CHUNK;
                self.fill_chunk(pass.instrument, node, chunk, lots);
            }
        }
        self.markets[instrument].record_print(crate::market::Print {
            price,
            quantity,
            at: self.now,
        });

        self.arm_margin_check(self.markets[instrument].currency);

        let (maker_ppm, taker_ppm) = self.fee_rates(maker, taker);
        let maker_fee = self.charge(maker, pass.instrument, notional, maker_ppm);
        let taker_fee = self.charge(taker, pass.instrument, notional, taker_ppm);
        let maker_fill = self.post(maker, pass.instrument, pass.side.opposite(), lots, notional, maker_fee);
        let taker_fill = self.post(taker, pass.instrument, pass.side, lots, notional, taker_fee);
        self.ledger.assert_balanced();
        events.push(Event::TradeExecuted {
            trade,
            symbol: self.definitions[instrument].symbol,
            price: nanos,
            quantity,
            aggressor: pass.side,
            maker: maker_fill,
            taker: taker_fill,
        });

        pass.low = if pass.high == 0 { price } else { pass.low.min(price) };
        pass.high = pass.high.max(price);
        match &mut pass.taker {
            Taker::Quote { left, .. } | Taker::Print { left, .. } => *left -= lots,
            _ => {}
        }
        self.work.pass = Some(pass);

        let watch = [maker, taker].map(|party| match party {
            Party::Order(slot) => {
                let Order {
                    account,
                    instrument,
                    position,
                    ..
                } = self.orders[slot];
                Some((account, instrument, position))
            }
            Party::HouseAccount(_) => None,
        });
        let taker_acceptance = match taker {
            Party::Order(slot) => self.orders[slot].acceptance,
            Party::HouseAccount(_) => 0,
        };
        if let Party::Order(slot) = maker {
            self.after_fill(slot, lots, false, events);
        }
        if let Party::Order(slot) = taker {
            // The end of the maker's group ends the taker if it is of the same group.
            if self.orders.is_current(slot, taker_acceptance) {
                self.after_fill(slot, lots, true, events);
            }
        }
        for (account, instrument, position) in watch.into_iter().flatten() {
            if self.ledger.positions[position as usize].reduce_only_excess().is_some() {
                self.work.reduce_only_checks.push_back((account, instrument, position));
            }
        }
    }

    /// R1.14, R1.15: both rates of a trade, from the taker's schedule. The maker pays no more than it covered.
    #[inline]
    fn fee_rates(&self, maker: Party, taker: Party) -> (i32, i32) {
        let (maker_ppm, taker_ppm) = match taker {
            Party::Order(slot) => (self.orders[slot].maker_ppm, self.orders[slot].taker_ppm),
            Party::HouseAccount(_) => (self.maker_ppm, self.taker_ppm),
        };
        match maker {
            Party::Order(slot) => (maker_ppm.min(self.orders[slot].highest_ppm()), taker_ppm),
            Party::HouseAccount(_) => (maker_ppm, taker_ppm),
        }
    }

    /// The fee of one side of a trade. An order keeps what it paid by rounding as a credit for its next fill.
    #[inline]
    fn charge(&mut self, party: Party, instrument: u32, notional: Money, ppm: i32) -> Money {
        let unit = self.markets[instrument as usize].fee_unit;
        match party {
            Party::Order(slot) => {
                let order = &mut self.orders[slot];
                let (charged, credit) = fee(notional, ppm, order.fee_credit, unit);
                order.fee_credit = credit;
                charged
            }
            Party::HouseAccount(_) => fee(notional, ppm, 0, unit).0,
        }
    }

    /// Posts one side of a trade and returns its `Fill`.
    #[inline(always)]
    fn post(&mut self, party: Party, instrument: u32, side: Side, lots: i64, notional: Money, fee: Money) -> Fill {
        let market = &self.markets[instrument as usize];
        let (lot, currency) = (market.lot, market.currency);
        let (account, position) = match party {
            Party::Order(slot) => {
                let order = &mut self.orders[slot];
                order.filled += lots;
                order.filled_notional += notional;
                debug_assert!(order.counted);
                let found = (order.account, order.position);
                self.change_open(slot, -lots);
                found
            }
            Party::HouseAccount(feed) => {
                let house_account = self.feeds[feed as usize].house_account;
                (house_account, self.ledger.position_or_new(house_account, instrument))
            }
        };
        let amount = if side == Side::Buy { -notional } else { notional };
        let cash = self.ledger.post_cash(account, amount - fee);
        if fee != 0 {
            self.ledger.post_fees(currency, fee);
        }
        let realized = self.ledger.post_lots(position, side, lots, notional);
        let held = &self.ledger.positions[position as usize];
        let (order, filled, leaves, filled_notional) = match party {
            Party::Order(slot) => {
                let order = &self.orders[slot];
                (
                    order.id,
                    order.filled * lot,
                    order.leaves() * lot,
                    order.filled_notional,
                )
            }
            Party::HouseAccount(_) => (OrderId(0), lots * lot, 0, notional),
        };
        Fill {
            order,
            account: self.ledger.accounts[account as usize].id,
            fee,
            filled,
            leaves,
            filled_notional,
            cash,
            position: held.lots * lot,
            cost: held.cost,
            realized,
        }
    }

    /// Ends a pass: handles the taker's remainder, then starts the scan of the stops.
    fn end_pass(&mut self, pass: Pass, events: &mut Events) {
        self.work.pass = None;
        if pass.high != 0 {
            self.work.scan = Some(Scan {
                instrument: pass.instrument,
                low: pass.low,
                high: pass.high,
                phase: 0,
            });
        }
        match pass.taker {
            Taker::Order(slot) if self.orders[slot].leaves() > 0 => {
                let stopped = pass.own_limit != pass.limit
                    && self.markets[pass.instrument as usize].crosses(pass.side, pass.own_limit);
                self.settle_remainder(slot, stopped, events)
            }
            Taker::Quote { feed, left } if left > 0 => {
                self.add_chunk(pass.instrument, feed, pass.side, pass.limit, left)
            }
            Taker::Print { .. } => {
                // `Engine::tape` follows; it scans the stops with the print and its fills together.
                self.work.scan = None;
                self.work.print_range = (pass.low, pass.high);
            }
            _ => {}
        }
    }

    /// `stopped`: the band, not the order's own limit, ended the pass.
    fn settle_remainder(&mut self, slot: u32, stopped: bool, events: &mut Events) {
        let Order {
            instrument,
            side,
            limit,
            display,
            time_in_force,
            ..
        } = self.orders[slot];
        let order = &self.orders[slot];
        if order.time_in_force == TimeInForce::Fok {
            debug_assert!(
                false,
                "a fill-or-kill order passed its check but was not filled completely"
            );
            return self.close(slot, OrderStatus::Canceled, CloseReason::FillOrKill, events);
        }
        if stopped {
            return self.close(slot, OrderStatus::Canceled, CloseReason::PriceBand, events);
        }
        if order.is_market() {
            let beyond = self.markets[instrument as usize].book.best(side.opposite()).is_some();
            let reason = if beyond {
                CloseReason::Collar
            } else {
                CloseReason::NoLiquidity
            };
            return self.close(slot, OrderStatus::Canceled, reason, events);
        }
        if time_in_force == TimeInForce::Ioc {
            return self.close(slot, OrderStatus::Canceled, CloseReason::ImmediateOrCancel, events);
        }
        let leaves = order.leaves();
        let shown = if display > 0 { display.min(leaves) } else { leaves };
        let ladder = self.markets[instrument as usize].book.ladder_mut(side);
        let node = ladder.push(limit, shown, leaves - shown, display, slot);
        self.touch(instrument, side, node);
        let order = &mut self.orders[slot];
        order.location = Location::Book;
        order.node = node;
        let (take_profit, stop_loss, filled) = (order.take_profit, order.stop_loss, order.filled);
        self.grow_legs(take_profit, stop_loss, filled, events);
    }
}
