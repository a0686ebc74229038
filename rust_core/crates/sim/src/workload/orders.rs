//! The generator's orders: place, replace, cancel, and their ids, prices and quantities.

use super::generator::*;
use super::*;
use crate::random::Random;

impl Generator {
    /// True for the share of values that the profile wants to be wrong.
    pub(super) fn wrong(&mut self) -> bool {
        self.profile == Profile::Hostile && self.random.one_in(40)
    }
    pub(super) fn account(&mut self) -> AccountId {
        if self.wrong() {
            return AccountId(self.random.pick(&[0, 1, 2, FIRST_HOUSE, 999]));
        }
        AccountId(FIRST_ACCOUNT + u128::from(self.random.below(self.accounts)))
    }
    pub(super) fn id(&mut self) -> OrderId {
        if self.wrong() {
            return match self.recent.last() {
                Some(last) if self.random.one_in(2) => last.order,
                _ => OrderId(0),
            };
        }
        self.next_id += 1;
        OrderId(self.next_id)
    }
    /// A recently sent order, most often with its owner. The newest ones are preferred.
    pub(super) fn recent_order(&mut self) -> SentOrder {
        if self.recent.is_empty() || self.wrong() {
            return SentOrder {
                account: self.account(),
                order: OrderId(5),
                kind: OrderKind::Limit,
                market: 0,
            };
        }
        let last = self.recent.len() as u64;
        let reach = if self.random.one_in(3) { last } else { last.min(6) };
        let back = self.random.below(reach);
        let known = self.recent[(last - 1 - back) as usize];
        SentOrder {
            account: if self.wrong() { self.account() } else { known.account },
            ..known
        }
    }
    pub(super) fn remember(&mut self, sent: SentOrder) {
        self.recent.push(sent);
        if self.recent.len() > 120 {
            self.recent.remove(0);
        }
    }
    pub(super) fn price(&mut self, market: usize, spread: i64) -> Price {
        if self.wrong() {
            return self
                .random
                .pick(&[0, -1, 1, MAX_PRICE, MAX_PRICE + 1, i64::MAX, i64::MIN, 12_345]);
        }
        let m = &self.markets[market];
        (m.middle + self.random.between(-spread, spread)).max(1) * m.spec.tick
    }
    pub(super) fn quantity(&mut self, market: usize) -> Quantity {
        if self.wrong() {
            return self
                .random
                .pick(&[0, -1, 1, i64::MAX, i64::MIN, MAX_QUANTITY, MAX_QUANTITY + 1]);
        }
        if self.profile == Profile::Whale && self.random.below(3) > 0 {
            let lot = self.markets[market].spec.lot;
            return self.random.between(MAX_QUANTITY / 3, MAX_QUANTITY) / lot * lot;
        }
        let lots = match self.random.below(if self.sweeping() { 80 } else { 100 }) {
            0..=79 => self.random.between(1, 12),
            80..=97 => self.random.between(1, 150),
            _ => self.random.between(100, 20_000),
        };
        lots * self.markets[market].spec.lot
    }
    pub(super) fn request(&mut self) -> Option<Request> {
        if self.random.below(100) < 70 {
            return None;
        }
        let key = u128::from(self.random.draw());
        Some(Request { key, body: key ^ 7 })
    }
    pub(super) fn push_request(&mut self, command: Command) {
        self.requests.push(command);
        if self.requests.len() > 60 {
            self.requests.remove(0);
        }
        self.push(command);
    }

    /// Repeats an earlier command, sometimes with another body under the same key.
    pub(super) fn repeat(&mut self) {
        let index = self.random.below(self.requests.len() as u64) as usize;
        let mut command = self.requests[index];
        if self.random.one_in(4) {
            let request = match &mut command {
                Command::PlaceOrder(p) => &mut p.request,
                Command::ReplaceOrder(r) => &mut r.request,
                Command::CancelOrder { request, .. }
                | Command::CancelAll { request, .. }
                | Command::Deposit { request, .. }
                | Command::Withdraw { request, .. }
                | Command::ResetAccount { request, .. } => request,
                _ => return,
            };
            if let Some(request) = request {
                request.body += 1;
            }
        }
        self.push(command);
    }

    pub(super) fn place(&mut self, market: usize) {
        use OrderKind::*;
        let mut account = self.account();
        while account == EURO_ACCOUNT && market != EURO_MARKET && !self.random.one_in(20) {
            account = self.account();
        }
        let side = self.random.pick(&[Side::Buy, Side::Sell]);
        let kind = self.kind();
        let mut time_in_force = self.time_in_force(kind);
        let mut quantity = self.quantity(market);
        let mut huge = false;
        if self.sweeping() {
            (huge, quantity, time_in_force) = self.sweep_size(market, kind, time_in_force);
        }
        let spread = if self.sweeping() { 12 } else { 4 };
        let wanted = |has: bool, g: &mut Random| has != g.one_in(150);
        let limit = wanted(matches!(kind, Limit | StopLimit), &mut self.random);
        let stop = wanted(matches!(kind, Stop | StopLimit), &mut self.random);
        let trail = wanted(kind == TrailingStop, &mut self.random);
        let mut limit_price = limit.then(|| self.price(market, spread));
        if self.sweeping() && kind == Limit {
            let ticks = self.sweep_limit(market, side, quantity, huge);
            limit_price = limit_price.map(|price| ticks.unwrap_or(price));
        }
        let stop_price = stop.then(|| self.price(market, spread));
        let trail = trail.then(|| self.trail(market));
        let iceberg = self.random.one_in(if kind == Limit { 8 } else { 200 });
        let lot = self.markets[market].spec.lot;
        let most = if self.random.one_in(4) { quantity / lot / 8 } else { 4 };
        let display_quantity = iceberg.then(|| self.random.between(1, most.max(4)) * lot);
        let post_only = self.random.one_in(if kind == Limit { 10 } else { 200 });
        let reduce_only = self.random.one_in(match () {
            _ if self.sweeping() => 40,
            _ if self.few_accounts => 3,
            _ => 8,
        });
        let modes = [
            SelfTradePrevention::CancelNewest,
            SelfTradePrevention::CancelOldest,
            SelfTradePrevention::CancelBoth,
            SelfTradePrevention::None,
        ];
        let order = self.id();
        let class = self.class(market, side, kind, limit_price);
        let place = PlaceOrder {
            account,
            order,
            symbol: if self.wrong() {
                symbol("NONE")
            } else {
                self.markets[market].spec.symbol
            },
            side,
            kind,
            time_in_force,
            quantity,
            limit_price,
            stop_price,
            trail,
            display_quantity: display_quantity.filter(|_| class == OrderClass::Simple),
            post_only: post_only && class == OrderClass::Simple,
            reduce_only: reduce_only && (class == OrderClass::Simple || self.random.one_in(10)),
            self_trade_prevention: self.random.pick(&modes),
            class,
            request: self.request(),
        };
        self.remember_with_legs(account, order, kind, market, class);
        match place.request {
            Some(_) => self.push_request(Command::PlaceOrder(place)),
            None => self.push(Command::PlaceOrder(place)),
        }
    }

    fn kind(&mut self) -> OrderKind {
        use OrderKind::*;
        let weights: [u32; 5] = if self.sweeping() {
            [4, 700, 150, 60, 60]
        } else {
            [150, 560, 110, 90, 90]
        };
        [Market, Limit, Stop, StopLimit, TrailingStop][self.random.weighted(&weights)]
    }

    fn time_in_force(&mut self, kind: OrderKind) -> TimeInForce {
        let mut until = self.now + self.random.between(-SECOND, 40 * SECOND);
        if self.wrong() {
            until = self.random.pick(&[i64::MAX, i64::MIN, 0, self.now]);
        }
        let all = [
            TimeInForce::Day,
            TimeInForce::Gtc,
            TimeInForce::Ioc,
            TimeInForce::Fok,
            TimeInForce::Gtd(until),
        ];
        let drawn = all[self.random.weighted(&[350, 350, 100, 100, 100])];
        let refused = !matches!(kind, OrderKind::Market | OrderKind::Limit)
            && !self.random.one_in(60)
            && matches!(drawn, TimeInForce::Ioc | TimeInForce::Fok);
        if refused {
            TimeInForce::Gtc
        } else {
            drawn
        }
    }

    /// Sweeps: (is it a huge order, quantity, time in force).
    fn sweep_size(
        &mut self,
        market: usize,
        kind: OrderKind,
        time_in_force: TimeInForce,
    ) -> (bool, Quantity, TimeInForce) {
        let huge = self.random.one_in(1_200);
        let lots = if huge {
            self.random.between(1_000, 4_000)
        } else {
            self.random.between(1, 3)
        };
        // A huge remainder in the book would match everything that follows.
        let time_in_force = match huge {
            true if matches!(kind, OrderKind::Market | OrderKind::Limit) => {
                self.random
                    .pick(&[TimeInForce::Ioc, TimeInForce::Ioc, TimeInForce::Fok])
            }
            _ if self.random.below(10) < 8 => TimeInForce::Gtc,
            _ => time_in_force,
        };
        (huge, lots * self.markets[market].spec.lot, time_in_force)
    }

    /// Sweeps: a limit price through the other side for a huge order, on the own side for most others.
    fn sweep_limit(&mut self, market: usize, side: Side, quantity: Quantity, huge: bool) -> Option<Price> {
        let spec = self.markets[market].spec;
        let rests = quantity < 100 * spec.lot && self.random.below(10) < 9;
        let away = if rests { self.random.between(0, 12) } else { 0 };
        let middle = self.markets[market].middle;
        let toward = if side == Side::Buy { 1 } else { -1 };
        let ticks = match () {
            _ if huge => middle + toward * 14,
            _ if rests => middle - toward * (1 + away),
            _ => return None,
        };
        Some(ticks.max(1) * spec.tick)
    }

    fn trail(&mut self, market: usize) -> Trail {
        let tick = self.markets[market].spec.tick;
        match self.random.below(8) {
            0 => Trail::Ppm(self.random.pick(&[0, 1, 999_999, 1_000_000, 500_000, u32::MAX])),
            1..=3 => Trail::Ppm(self.random.between(1_000, 90_000) as u32),
            4 => Trail::Amount(
                self.random
                    .pick(&[0, tick / 2 + 1, MAX_PRICE, 50 * tick, i64::MAX, i64::MIN]),
            ),
            _ => Trail::Amount(self.random.between(1, 6) * tick),
        }
    }

    fn remember_with_legs(
        &mut self,
        account: AccountId,
        order: OrderId,
        kind: OrderKind,
        market: usize,
        class: OrderClass,
    ) {
        self.remember(SentOrder {
            account,
            order,
            kind,
            market,
        });
        let legs = match class {
            OrderClass::Simple => Legs {
                take_profit: None,
                stop_loss: None,
            },
            OrderClass::Oco(leg) => Legs {
                take_profit: None,
                stop_loss: Some(leg),
            },
            OrderClass::Bracket(legs) | OrderClass::Oto(legs) => legs,
        };
        if let Some(leg) = legs.take_profit {
            self.remember(SentOrder {
                account,
                order: leg.order,
                kind: OrderKind::Limit,
                market,
            });
        }
        if let Some(leg) = legs.stop_loss {
            let kind = if leg.limit_price.is_some() {
                OrderKind::StopLimit
            } else {
                OrderKind::Stop
            };
            self.remember(SentOrder {
                account,
                order: leg.order,
                kind,
                market,
            });
        }
    }

    pub(super) fn class(&mut self, market: usize, side: Side, kind: OrderKind, limit: Option<Price>) -> OrderClass {
        if self.random.below(100) < 78 || matches!(kind, OrderKind::TrailingStop) && !self.random.one_in(50) {
            return OrderClass::Simple;
        }
        let tick = self.markets[market].spec.tick;
        let around = limit.unwrap_or(self.markets[market].middle * tick).clamp(0, MAX_PRICE) / tick * tick;
        let sign = if side == Side::Buy { 1 } else { -1 };
        let odd = if self.wrong() { -1 } else { 1 };
        let (up, down) = (self.random.between(1, 4) * odd, self.random.between(1, 4));
        let take_profit = TakeProfit {
            order: self.id(),
            limit_price: around + sign * up * tick,
        };
        let stop_price = around - sign * down * tick;
        let limited = self
            .random
            .one_in(3)
            .then(|| stop_price - sign * self.random.between(-1, 3) * tick);
        let stop_loss = StopLoss {
            order: self.id(),
            stop_price,
            limit_price: limited,
        };
        match self.random.below(10) {
            0..=4 => OrderClass::Bracket(Legs {
                take_profit: Some(take_profit),
                stop_loss: (!self.wrong()).then_some(stop_loss),
            }),
            5 => OrderClass::Oto(Legs {
                take_profit: Some(take_profit),
                stop_loss: None,
            }),
            6 => OrderClass::Oto(Legs {
                take_profit: None,
                stop_loss: Some(stop_loss),
            }),
            _ => {
                // The stop of an OCO is on the other side: above a buy's limit, below a sell's.
                let stop_price = around + sign * down * tick;
                OrderClass::Oco(StopLoss {
                    stop_price,
                    ..stop_loss
                })
            }
        }
    }

    /// A replace, most often with fields that fit the order's kind.
    pub(super) fn replace(&mut self) {
        let SentOrder {
            account,
            order,
            kind,
            market,
        } = self.recent_order();
        let fits = |has: bool, r: &mut Random| if has { !r.one_in(3) } else { r.one_in(40) };
        let limited = matches!(kind, OrderKind::Limit | OrderKind::StopLimit);
        let quantity = self.random.one_in(2).then(|| self.quantity(market));
        let limit_price = fits(limited, &mut self.random).then(|| self.price(market, 4));
        let stopped = matches!(kind, OrderKind::Stop | OrderKind::StopLimit);
        let stop_price = fits(stopped, &mut self.random).then(|| self.price(market, 5));
        let tick = self.markets[market].spec.tick;
        let trailing = fits(kind == OrderKind::TrailingStop, &mut self.random);
        let trail = trailing.then(|| match self.random.below(4) {
            0 => Trail::Ppm(self.random.between(0, 90_000) as u32),
            _ => Trail::Amount(self.random.between(0, 6) * tick),
        });
        let request = self.request();
        let replace = ReplaceOrder {
            account,
            order,
            quantity,
            limit_price,
            stop_price,
            trail,
            request,
        };
        self.push_request(Command::ReplaceOrder(replace));
    }

    pub(super) fn cancel(&mut self) {
        let SentOrder { account, order, .. } = self.recent_order();
        let request = self.request();
        self.push_request(Command::CancelOrder {
            account,
            order,
            request,
        });
    }

    pub(super) fn cancel_all(&mut self, market: usize) {
        let account = self.account();
        let one = self.random.one_in(2);
        let symbol = one.then(|| {
            if self.wrong() {
                symbol("NONE")
            } else {
                self.markets[market].spec.symbol
            }
        });
        let request = self.request();
        self.push_request(Command::CancelAll {
            account,
            symbol,
            request,
        });
    }
}
