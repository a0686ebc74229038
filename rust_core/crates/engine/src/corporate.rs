//! Splits and dividends: one position per step, against `WORLD`; and the orders that a dividend lowers.

use crate::engine::Engine;
use crate::money::mul_div;
use crate::orders::{Location, Order};
use crate::rescale::Ratio;
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

/// Highest numerator and denominator of a split.
const MAX_SPLIT: u32 = 1_000;

impl Engine {
    pub(crate) fn split(&mut self, symbol: Symbol, numerator: u32, denominator: u32, events: &mut Events) {
        let Some(instrument) = self.find_symbol(symbol) else {
            return self.refuse(Refusal::UnknownSymbol, events);
        };
        let range = 1..=MAX_SPLIT;
        if !range.contains(&numerator) || !range.contains(&denominator) || numerator == denominator {
            return self.refuse(Refusal::InvalidSplit, events);
        }
        let market = &self.markets[instrument as usize];
        // Neither a position nor the price may leave its range.
        let beyond = |slot: u32| {
            let lots = i128::from(self.ledger.positions[slot as usize].lots);
            lots.abs() * i128::from(numerator) / i128::from(denominator) > i128::from(market.max_position)
        };
        let price = market
            .exact_price()
            .map(|price| price * i128::from(denominator) / i128::from(numerator));
        let tradable = i128::from(market.tick)..=i128::from(MAX_PRICE);
        let out_of_range = price.is_some_and(|price| !tradable.contains(&price));
        let accounts = 0..self.ledger.accounts.len() as u32;
        if out_of_range
            || accounts
                .filter_map(|account| self.ledger.position(account, instrument))
                .any(beyond)
        {
            return self.refuse(Refusal::InvalidSplit, events);
        }
        if numerator > denominator {
            return self.start_rescale(instrument, Ratio { numerator, denominator });
        }
        self.work.sweep.clear();
        for slot in self.orders.by_acceptance() {
            if self.orders[slot].instrument == instrument {
                self.work.sweep.push((self.orders[slot].acceptance, slot));
            }
        }
        let follow_up = FollowUp::Split {
            instrument,
            numerator,
            denominator,
        };
        self.work.job = Job::Sweep {
            at: 0,
            reason: CloseReason::Split,
            follow_up,
        };
    }

    /// Applies a split after its orders are adjusted or cancelled: withdraws quotes, sets the price, then starts with
    /// the accounts.
    pub(crate) fn apply_split(&mut self, instrument: u32, numerator: u32, denominator: u32, events: &mut Events) {
        self.withdraw_quotes(instrument, u32::MAX);
        let market = &mut self.markets[instrument as usize];
        let mut mark = 0;
        if let Some(price) = market.exact_price() {
            mark = price * i128::from(denominator) / i128::from(numerator);
            market.set_exact_price(mark);
        }
        events.push(Event::SplitApplied {
            symbol: self.definitions[instrument as usize].symbol,
            numerator,
            denominator,
        });
        self.work.job = Job::Split {
            instrument,
            at: 0,
            numerator,
            denominator,
            mark,
        };
    }

    /// Splits one account's position to whole lots, toward zero. The fraction is paid in cash at the new
    /// price, or at its share of the cost if there is no price.
    pub(crate) fn split_account(
        &mut self,
        instrument: u32,
        account: u32,
        numerator: u32,
        denominator: u32,
        mark: i128,
        events: &mut Events,
    ) {
        let Some(slot) = self.ledger.position(account, instrument) else {
            return;
        };
        let position = self.ledger.positions[slot as usize];
        if position.lots == 0 {
            return;
        }
        let (numerator, denominator) = (i128::from(numerator), i128::from(denominator));
        let exact = i128::from(position.lots) * numerator;
        let lots = exact / denominator;
        let fraction = exact - lots * denominator;
        let kept = mul_div(position.cost, (lots * denominator).abs(), exact.abs());
        let cash = if mark > 0 {
            // `fraction` is below one lot and `mark` at most MAX_PRICE: the product fits.
            fraction * i128::from(self.markets[instrument as usize].lot) * mark / (denominator * i128::from(NANOS))
        } else {
            mul_div(position.cost, fraction.abs(), exact.abs())
        };
        self.set_position(
            account,
            instrument,
            slot,
            lots as i64,
            kept,
            PositionKind::Split,
            events,
        );
        if cash != 0 {
            self.move_cash(account, TransferId(0), CashKind::CashInLieu, cash, events);
        }
    }

    pub(crate) fn dividend(&mut self, symbol: Symbol, amount: Money, events: &mut Events) {
        let Some(instrument) = self.find_symbol(symbol) else {
            return self.refuse(Refusal::UnknownSymbol, events);
        };
        if !(1..=Money::from(MAX_PRICE)).contains(&amount) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        let market = &self.markets[instrument as usize];
        // The price after the dividend must be at least one tick.
        let below = |price: i128| price - amount < i128::from(market.tick);
        if market.exact_price().is_some_and(below) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        self.withdraw_quotes(instrument, u32::MAX);
        let market = &mut self.markets[instrument as usize];
        if let Some(price) = market.exact_price() {
            market.set_exact_price(price - amount);
        }
        self.work.sweep.clear();
        // The smallest price step; less than that changes no order (R9.9).
        if amount >= Money::from(market.tick) {
            self.list_adjusted(instrument);
        }
        self.work.job = Job::Adjust {
            instrument,
            at: 0,
            amount,
        };
    }

    /// The orders that an ex-dividend date lowers (R9.9), in the order in which they keep their places: buys of the
    /// book, sell stops, then those that wait or are held.
    fn list_adjusted(&mut self, instrument: u32) {
        let market = &self.markets[instrument as usize];
        for node in market.book.ladder(Side::Buy).nodes() {
            let slot = market.book.ladder(Side::Buy).node(node).owner;
            self.work.sweep.push((self.orders[slot].acceptance, slot));
        }
        for node in market.stop_sells.nodes() {
            let slot = market.stop_sells.node(node).owner;
            self.work.sweep.push((self.orders[slot].acceptance, slot));
        }
        for slot in self.orders.by_acceptance() {
            let order = &self.orders[slot];
            let outside = matches!(order.location, Location::Detached | Location::Waiting);
            if order.instrument == instrument && outside && lowered(order) {
                self.work.sweep.push((order.acceptance, slot));
            }
        }
    }

    /// Lowers one order by a dividend, or ends it if a price would be below one tick. One unit of work.
    pub(crate) fn adjust_step(&mut self, instrument: u32, at: usize, amount: Money, events: &mut Events) {
        let market = &mut self.markets[instrument as usize];
        let tick = Money::from(market.tick);
        // At most MAX_PRICE / tick, so it fits.
        let ticks = ((amount + tick - 1) / tick) as i64;
        let Some(&(acceptance, slot)) = self.work.sweep.get(at) else {
            self.work.sweep.clear();
            if amount >= tick {
                self.lower_trails(instrument, ticks);
            }
            self.work.job = Job::Dividend {
                instrument,
                at: 0,
                amount,
            };
            return;
        };
        self.work.job = Job::Adjust {
            instrument,
            at: at + 1,
            amount,
        };
        if !self.orders.is_current(slot, acceptance) {
            return;
        }
        let order = &self.orders[slot];
        let has = |price: i64| price != 0 && price <= ticks;
        if has(order.limit) || has(order.stop) {
            return self.close(slot, OrderStatus::Canceled, CloseReason::Dividend, events);
        }
        let (node, side, counted) = (order.node, order.side, order.counted);
        self.uncount(slot);
        let order = &mut self.orders[slot];
        let lower = |price: &mut i64| *price -= if *price == 0 { 0 } else { ticks };
        lower(&mut order.limit);
        lower(&mut order.stop);
        if side == Side::Buy {
            order.reserve_price -= ticks.min(order.reserve_price);
        }
        let (limit, stop, location, display) = (order.limit, order.stop, order.location, order.display);
        if counted {
            self.count(slot);
        }
        match location {
            Location::Book => {
                self.touch(instrument, side, node);
                let ladder = self.markets[instrument as usize].book.ladder_mut(side);
                let (shown, hidden) = (ladder.node(node).quantity, ladder.hidden(node));
                ladder.remove(node);
                let node = ladder.push(limit, shown, hidden, display, slot);
                self.orders[slot].node = node;
                self.touch(instrument, side, node);
            }
            Location::Stops => {
                let stops = self.markets[instrument as usize].stops_mut(side);
                stops.remove(node);
                stops.trim();
                self.orders[slot].node = stops.push(stop, 0, 0, 0, slot);
            }
            Location::Detached | Location::Waiting => {}
        }
        self.emit_replaced(slot, events);
    }

    /// Lowers the best prices that trailing sell stops have seen. The order among them stays.
    fn lower_trails(&mut self, instrument: u32, ticks: i64) {
        let trails = &mut self.markets[instrument as usize].trail_sells;
        let nodes: Vec<u32> = trails.nodes().collect();
        for node in nodes {
            let slot = trails.node(node).owner;
            trails.remove(node);
            trails.trim();
            let order = &mut self.orders[slot];
            order.best -= ticks;
            order.trail_node = trails.push(order.best, 0, 0, 0, slot);
        }
    }

    pub(crate) fn pay_dividend(&mut self, instrument: u32, account: u32, amount: Money, events: &mut Events) {
        let Some(slot) = self.ledger.position(account, instrument) else {
            return;
        };
        let lots = i128::from(self.ledger.positions[slot as usize].lots);
        let quantity = lots * i128::from(self.markets[instrument as usize].lot);
        let cash = amount * quantity / i128::from(NANOS);
        if cash != 0 {
            self.move_cash(account, TransferId(0), CashKind::Dividend, cash, events);
        }
    }
}

/// Does an ex-dividend date lower this order? Buys with a limit that is in force, and sell stops.
fn lowered(order: &Order) -> bool {
    let waits = matches!(order.status, OrderStatus::Held | OrderStatus::Pending);
    match (order.side, order.kind) {
        (Side::Buy, OrderKind::Limit) => true,
        (Side::Buy, OrderKind::StopLimit) => !waits,
        (Side::Sell, OrderKind::Stop | OrderKind::StopLimit | OrderKind::TrailingStop) => waits,
        _ => false,
    }
}
