//! The generator's bursts, which cause commands of more than a thousand events.

use super::generator::*;
use super::*;

impl Generator {
    /// Hundreds of small orders and stops on one side, then a command that meets them all.
    pub(super) fn burst(&mut self) {
        let market = self.random.below(self.markets.len() as u64) as usize;
        let (middle, spec) = (self.markets[market].middle, self.markets[market].spec);
        let side = self.random.pick(&[Side::Buy, Side::Sell]);
        let away = if side == Side::Buy { -1 } else { 1 };
        let ends = self.now + SECOND;
        let times_in_force = [TimeInForce::Gtc, TimeInForce::Day, TimeInForce::Gtd(ends)];
        let stops = self.random.below(5);
        let one_time_in_force = self.random.one_in(2).then(|| self.random.pick(&times_in_force));
        for _ in 0..self.random.between(500, 1_600) {
            let account = self.account();
            let order = self.id();
            let stopped = self.random.below(10) < stops;
            // Stops lie behind the orders, so that a sweep of the orders triggers the stops.
            let ticks = (middle + away * self.random.between(1, 6)).max(1);
            let price = ticks * spec.tick;
            let quantity = self.random.between(1, 3) * spec.lot;
            let leg = StopLoss {
                order: self.id(),
                stop_price: (ticks + away * 3).max(1) * spec.tick,
                limit_price: None,
            };
            let side = if stopped == (side == Side::Sell) {
                Side::Buy
            } else {
                Side::Sell
            };
            let legs = Legs {
                take_profit: None,
                stop_loss: Some(leg),
            };
            let place = PlaceOrder {
                account,
                order,
                symbol: spec.symbol,
                side,
                kind: if stopped { OrderKind::Stop } else { OrderKind::Limit },
                time_in_force: one_time_in_force.unwrap_or_else(|| self.random.pick(&times_in_force)),
                quantity,
                limit_price: (!stopped).then_some(price),
                stop_price: stopped.then_some(price),
                trail: None,
                display_quantity: (!stopped && self.random.one_in(6)).then_some(spec.lot),
                post_only: false,
                reduce_only: false,
                self_trade_prevention: self
                    .random
                    .pick(&[SelfTradePrevention::None, SelfTradePrevention::CancelOldest]),
                class: if !stopped && self.random.one_in(6) {
                    OrderClass::Oto(legs)
                } else {
                    OrderClass::Simple
                },
                request: None,
            };
            self.push(Command::PlaceOrder(place));
        }
        self.meet_burst(market, side, ends);
    }

    /// A command that trades with, cancels or expires the orders of a burst on `side`.
    fn meet_burst(&mut self, market: usize, side: Side, ends: Timestamp) {
        let (middle, spec) = (self.markets[market].middle, self.markets[market].spec);
        let away = if side == Side::Buy { -1 } else { 1 };
        let symbol = spec.symbol;
        let far = (middle + away * 9).max(1) * spec.tick;
        let quantity = self.random.between(500, 4_000) * spec.lot;
        match self.random.below(8) {
            0 => self.cancel_all(market),
            1 => self.push(Command::Split {
                symbol,
                numerator: 3,
                denominator: 2,
            }),
            2 => self.new_session(),
            3 => {
                self.now = ends;
                self.push(Command::AdvanceTime);
            }
            4 => {
                let source_sequence = self.next_sequence(market, 0);
                // A quote that crosses the whole side.
                let quote = OutsideSide { price: far, quantity };
                let empty = OutsideSide::default();
                let (bid, ask) = if side == Side::Sell {
                    (quote, empty)
                } else {
                    (empty, quote)
                };
                self.push(Command::OutsideQuote {
                    feed: 0,
                    source_sequence,
                    symbol,
                    bid,
                    ask,
                });
            }
            5 => {
                let source_sequence = self.next_sequence(market, 1);
                let price = (middle + away).max(1) * spec.tick;
                self.push(Command::OutsideTrade {
                    feed: 1,
                    source_sequence,
                    symbol,
                    price,
                    quantity,
                });
            }
            _ => {
                let place = PlaceOrder {
                    account: self.account(),
                    order: self.id(),
                    symbol,
                    side: if side == Side::Sell { Side::Buy } else { Side::Sell },
                    kind: OrderKind::Limit,
                    time_in_force: TimeInForce::Ioc,
                    quantity,
                    limit_price: Some(far),
                    stop_price: None,
                    trail: None,
                    display_quantity: None,
                    post_only: false,
                    reduce_only: false,
                    self_trade_prevention: self
                        .random
                        .pick(&[SelfTradePrevention::None, SelfTradePrevention::CancelOldest]),
                    class: OrderClass::Simple,
                    request: self.request(),
                };
                self.push(Command::PlaceOrder(place));
            }
        }
    }
}
