//! The oracle's checks of §4: R4.9 to R4.48 for placing, R4.24 to R4.48 for replacing.

use super::*;

/// The parts of an order that the checks use.
#[derive(Clone, Debug)]
pub(crate) struct Draft {
    pub account: usize,
    pub book: usize,
    pub side: Side,
    pub kind: OrderKind,
    /// Quantity that would be left to fill.
    pub quantity: i128,
    pub limit: Option<i128>,
    /// Trailing stops: the first stop price.
    pub stop: Option<i128>,
    pub reduce_only: bool,
    pub post_only: bool,
    pub legs: u32,
    /// The order that is replaced; its own quantity and reserve are left out of all sums.
    pub replaced: Option<Rank>,
    /// False for held legs and for the stop-loss of an open pair: they are checked up to R4.29 only.
    pub counted: bool,
}

pub(crate) struct Admission {
    pub adverse: i128,
    pub reserve_price: i128,
    pub fees: (i128, i128),
}

/// R4.53: the highest rate of a schedule.
pub(crate) fn highest(fees: (i128, i128)) -> i128 {
    fees.0.max(fees.1).max(0)
}
/// What an order needs per unit, and what it has paid in fees.
pub(crate) struct Terms {
    pub price: i128,
    pub adverse: i128,
    pub ppm: i128,
    pub fees_due: i128,
    /// Smallest unit of the currency.
    pub unit: i128,
}
impl Terms {
    /// R4.53: exposure and cover of `quantity`; `leverage` in percent.
    pub fn needs(&self, side: Side, quantity: i128, leverage: i128) -> (i128, i128) {
        let exposure = notional(self.price, quantity);
        let fee = if self.ppm == 0 {
            0
        } else {
            charged(self.fees_due + exposure * self.ppm, self.unit) - charged(self.fees_due, self.unit)
        };
        let times = if side == Side::Buy { leverage - 100 } else { leverage };
        let cover = divide_up(notional(self.adverse, quantity) * times, 100) + divide_up(fee * leverage, 100);
        (exposure, cover)
    }
}
/// R1.12: what has been charged for fees of `due` (in 1e-6 nanos), rounded up to whole units.
pub(crate) fn charged(due: i128, unit: i128) -> i128 {
    round_up(divide_up(due, MILLION), unit)
}
pub(crate) type Check = Result<(), Refusal>;

pub(crate) fn require(holds: bool, reason: Refusal) -> Check {
    if holds {
        Ok(())
    } else {
        Err(reason)
    }
}

pub(crate) fn leg_ids(p: &PlaceOrder) -> Vec<OrderId> {
    match p.class {
        OrderClass::Simple => Vec::new(),
        OrderClass::Bracket(legs) | OrderClass::Oto(legs) => legs
            .take_profit
            .map(|l| l.order)
            .into_iter()
            .chain(legs.stop_loss.map(|l| l.order))
            .collect(),
        OrderClass::Oco(stop_loss) => vec![stop_loss.order],
    }
}

impl Oracle {
    pub(crate) fn check_price(&self, book: usize, price: Price) -> Check {
        require(price > 0 && price <= MAX_PRICE, Refusal::PriceOutOfRange)?;
        require(price % self.books[book].spec.tick == 0, Refusal::PriceNotOnTick)
    }
    pub(crate) fn check_quantity(&self, book: usize, quantity: Quantity) -> Check {
        require(quantity > 0 && quantity <= MAX_QUANTITY, Refusal::QuantityOutOfRange)?;
        require(quantity % self.books[book].spec.lot == 0, Refusal::QuantityNotOnLot)
    }
    pub(crate) fn check_trail(&self, book: usize, trail: Trail) -> Check {
        let fits = match trail {
            Trail::Amount(amount) => self.check_price(book, amount).is_ok(),
            Trail::Ppm(ppm) => (1..=999_999).contains(&ppm),
        };
        require(fits, Refusal::TrailOutOfRange)
    }

    /// R4.9 to R4.16.
    pub(crate) fn check_shape(&self, book: usize, p: &PlaceOrder) -> Check {
        use OrderKind::*;
        self.check_quantity(book, p.quantity)?;
        match (matches!(p.kind, Limit | StopLimit), p.limit_price) {
            (true, None) => return Err(Refusal::LimitPriceRequired),
            (false, Some(_)) => return Err(Refusal::LimitPriceNotAllowed),
            (true, Some(price)) => self.check_price(book, price)?,
            (false, None) => {}
        }
        match (matches!(p.kind, Stop | StopLimit), p.stop_price) {
            (true, None) => return Err(Refusal::StopPriceRequired),
            (false, Some(_)) => return Err(Refusal::StopPriceNotAllowed),
            (true, Some(price)) => self.check_price(book, price)?,
            (false, None) => {}
        }
        match (p.kind == TrailingStop, p.trail) {
            (true, None) => return Err(Refusal::TrailRequired),
            (false, Some(_)) => return Err(Refusal::TrailNotAllowed),
            (true, Some(trail)) => self.check_trail(book, trail)?,
            (false, None) => {}
        }
        if let Some(display) = p.display_quantity {
            let bounded = i128::from(p.quantity) <= MAX_REFILLS * i128::from(display);
            let valid = self.check_quantity(book, display).is_ok() && display <= p.quantity;
            let fits = p.kind == Limit && valid && bounded;
            require(fits, Refusal::DisplayQuantityNotAllowed)?;
        }
        let lasting = matches!(
            p.time_in_force,
            TimeInForce::Day | TimeInForce::Gtc | TimeInForce::Gtd(_)
        );
        require(
            !p.post_only || (p.kind == Limit && lasting),
            Refusal::PostOnlyNotAllowed,
        )?;
        require(
            lasting || matches!(p.kind, Market | Limit),
            Refusal::TimeInForceNotAllowed,
        )?;
        match p.time_in_force {
            TimeInForce::Gtd(at) => require(at > self.now, Refusal::ExpiryInThePast),
            _ => Ok(()),
        }
    }

    /// R4.17 to R4.22.
    pub(crate) fn check_class(&self, book: usize, p: &PlaceOrder) -> Check {
        use OrderKind::*;
        let (take_profit, stop_loss) = match p.class {
            OrderClass::Simple => return Ok(()),
            OrderClass::Bracket(legs) | OrderClass::Oto(legs) => (legs.take_profit, legs.stop_loss),
            OrderClass::Oco(stop_loss) => (None, Some(stop_loss)),
        };
        let lasting = !matches!(p.time_in_force, TimeInForce::Ioc | TimeInForce::Fok);
        let count = usize::from(take_profit.is_some()) + usize::from(stop_loss.is_some());
        let entry =
            matches!(p.kind, Market | Limit | Stop | StopLimit) && !p.reduce_only && (lasting || p.kind == Market);
        let form = match p.class {
            OrderClass::Simple => true,
            OrderClass::Bracket(_) => count == 2 && entry,
            OrderClass::Oto(_) => count == 1 && entry,
            OrderClass::Oco(_) => p.kind == Limit && lasting && !p.post_only && p.display_quantity.is_none(),
        };
        require(form, Refusal::InvalidLegs)?;
        if let Some(leg) = take_profit {
            self.check_price(book, leg.limit_price)?;
        }
        if let Some(leg) = stop_loss {
            self.check_price(book, leg.stop_price)?;
            if let Some(limit) = leg.limit_price {
                self.check_price(book, limit)?;
            }
        }
        // With prices negated for sells, every comparison reads as for a buy.
        let sign = if p.side == Side::Buy { 1 } else { -1 };
        let profit = take_profit.map(|l| sign * l.limit_price);
        let loss = stop_loss.map(|l| sign * l.stop_price);
        let limit = p.limit_price.map(|l| sign * l);
        let geometry = match p.class {
            OrderClass::Oco(_) => loss > limit,
            _ => {
                let ordered = profit.is_none() || loss.is_none() || loss < profit;
                ordered && limit.is_none_or(|l| profit.is_none_or(|t| t > l) && loss.is_none_or(|s| s < l))
            }
        };
        require(geometry, Refusal::InvalidLegs)?;
        let ids = leg_ids(p);
        let distinct = ids.iter().all(|id| *id != p.order) && !(ids.len() == 2 && ids[0] == ids[1]);
        require(distinct, Refusal::InvalidLegs)
    }

    /// Leaves of the counted orders of one side.
    pub(crate) fn open(&self, account: usize, book: usize, side: Side, replaced: Option<Rank>) -> i128 {
        self.accounts[account]
            .orders
            .iter()
            .map(|rank| &self.orders[rank])
            .filter(|o| o.symbol == book && o.side == side && o.counts() && Some(o.rank) != replaced)
            .map(Order::leaves)
            .sum()
    }

    pub(crate) fn reserve_price(
        &self,
        book: usize,
        side: Side,
        kind: OrderKind,
        limit: Option<i128>,
        stop: Option<i128>,
    ) -> Option<i128> {
        let spec = &self.books[book].spec;
        let base = match kind {
            OrderKind::Limit | OrderKind::StopLimit => return limit,
            OrderKind::Market => self.reference(book)?,
            OrderKind::Stop | OrderKind::TrailingStop => stop?,
        };
        Some(match side {
            Side::Sell => base,
            Side::Buy => {
                let raised = divide_up(base * (MILLION + i128::from(spec.collar_ppm)), MILLION);
                round_up(raised, spec.tick.into())
            }
        })
    }

    /// R4.24 to R4.48. `None`: the order is not counted, so it was checked up to R4.29 only.
    pub(crate) fn admit(&mut self, d: &Draft) -> Result<Option<Admission>, Refusal> {
        self.check_market(d)?;
        if !d.counted {
            return Ok(None);
        }
        self.check_account(d).map(Some)
    }

    /// R4.24 to R4.29.
    fn check_market(&self, d: &Draft) -> Check {
        let spec = self.books[d.book].spec;
        require(!self.books[d.book].halted, Refusal::InstrumentHalted)?;
        require(!self.closed, Refusal::MarketClosed)?;
        let reference = self.reference(d.book);
        if matches!(d.kind, OrderKind::Market | OrderKind::TrailingStop) {
            require(reference.is_some(), Refusal::NoReferencePrice)?;
        }
        if d.kind == OrderKind::TrailingStop {
            let stop = d
                .stop
                .expect("the stop price follows from the reference price, which exists");
            require(
                stop >= spec.tick.into() && stop <= MAX_PRICE.into(),
                Refusal::TrailOutOfRange,
            )?;
        }
        let band_base = match d.kind {
            OrderKind::Limit => self.books[d.book].base.or(reference),
            OrderKind::StopLimit => d.stop,
            _ => None,
        };
        if let (Some(base), Some(limit)) = (band_base, d.limit) {
            let band = self.band(d.book, d.side, base);
            let inside = match d.side {
                Side::Buy => limit <= band,
                Side::Sell => limit >= band,
            };
            require(inside, Refusal::PriceOutsideBand)?;
        }
        Ok(())
    }

    /// R4.30 and R4.31.
    pub(crate) fn check_rate(&self, account: usize, share: u32) -> Check {
        let a = &self.accounts[account];
        let in_this_second = if a.rate.0 == self.now.div_euclid(1_000_000_000) {
            a.rate.1
        } else {
            0
        };
        require(
            in_this_second < share * a.limits.max_orders_per_second,
            Refusal::OrderRateExceeded,
        )
    }

    /// R4.30: counts this command in its account's rate.
    pub(crate) fn count_rate(&mut self) {
        let Some(account) = self.sender else { return };
        let second = self.now.div_euclid(1_000_000_000);
        let rate = &mut self.accounts[account].rate;
        *rate = if rate.0 == second {
            (second, rate.1 + 1)
        } else {
            (second, 1)
        };
    }

    /// R4.32 to R4.48.
    fn check_account(&self, d: &Draft) -> Result<Admission, Refusal> {
        let a = &self.accounts[d.account];
        let limits = a.limits;
        let open_orders = a.orders.len() as u32 - u32::from(d.replaced.is_some());
        require(
            open_orders + 1 + d.legs <= limits.max_open_orders,
            Refusal::TooManyOpenOrders,
        )?;
        require(
            limits.max_order_quantity.is_none_or(|max| d.quantity <= max.into()),
            Refusal::OrderQuantityLimit,
        )?;
        let reserve_price = self
            .reserve_price(d.book, d.side, d.kind, d.limit, d.stop)
            .expect("the reference price exists: checked above");
        let order_notional = notional(reserve_price, d.quantity);
        require(
            limits.max_order_notional.is_none_or(|max| order_notional <= max),
            Refusal::OrderNotionalLimit,
        )?;

        let position = a.positions.get(&d.book).map_or(0, |p| p.0);
        let buys = self.open(d.account, d.book, Side::Buy, d.replaced);
        let sells = self.open(d.account, d.book, Side::Sell, d.replaced);
        let capacity = self.closing_capacity(d.account, d.book, d.side, d.replaced);
        let increase = (d.quantity - capacity).max(0);
        require(!d.reduce_only || increase == 0, Refusal::ReduceOnlyWouldIncrease)?;
        require(
            a.state != AccountState::ReduceOnly || increase == 0,
            Refusal::AccountReduceOnly,
        )?;
        if let Some(max) = limits.max_daily_loss {
            let loss = a.baseline - self.equity(d.account);
            require(loss < max || increase == 0, Refusal::DailyLossLimit)?;
        }
        let mut symbols: BTreeSet<usize> = a.positions.keys().copied().collect();
        symbols.extend(
            a.orders
                .iter()
                .filter(|r| Some(**r) != d.replaced)
                .map(|r| self.orders[r].symbol),
        );
        require(
            symbols.contains(&d.book) || symbols.len() < 256,
            Refusal::TooManyPositions,
        )?;
        let reached = match d.side {
            Side::Buy => position + buys + d.quantity,
            Side::Sell => position - sells - d.quantity,
        };
        let max_position = limits.max_position.unwrap_or(MAX_POSITION).min(MAX_POSITION);
        require(
            increase == 0 || reached.abs() <= max_position.into(),
            Refusal::PositionLimit,
        )?;

        let mark = self.mark(d.book);
        let (price, worst) = match (d.side, d.kind) {
            (Side::Buy, _) => (reserve_price, reserve_price),
            (Side::Sell, OrderKind::Limit | OrderKind::StopLimit) => (reserve_price, reserve_price),
            (Side::Sell, _) => (reserve_price, self.collar_around(d.book, Side::Sell, reserve_price)),
        };
        let (price, adverse) = match d.side {
            Side::Buy => (price, (price - mark.unwrap_or(price)).max(0)),
            Side::Sell => {
                let price = price.max(mark.unwrap_or(price));
                (price, price - worst)
            }
        };
        let admission = Admission {
            adverse,
            reserve_price: price,
            fees: (self.maker_ppm, self.taker_ppm),
        };
        if increase > 0 {
            self.check_means(d, &admission)?;
        }
        if d.post_only {
            let limit = d.limit.expect("post-only orders have a limit");
            require(!self.would_trade(d.book, d.side, limit), Refusal::PostOnlyWouldCross)?;
        }
        Ok(admission)
    }

    /// R4.44 to R4.47: do the account's means cover its worst case with the order?
    fn check_means(&self, d: &Draft, new: &Admission) -> Check {
        let a = &self.accounts[d.account];
        let leverage = i128::from(a.limits.leverage_percent);
        let terms = Terms {
            price: new.reserve_price,
            adverse: new.adverse,
            ppm: highest(new.fees),
            fees_due: d.replaced.map_or(0, |rank| self.orders[&rank].fees_due),
            unit: self.books[d.book].spec.currency.smallest_unit(),
        };
        let own = terms.needs(d.side, d.quantity, leverage);
        match a.kind {
            AccountKind::Cash => {
                require(d.side == Side::Buy, Refusal::InsufficientPosition)?;
                let reserved = self.reserved(d.account, d.replaced);
                require(own.0 + own.1 <= a.cash - reserved, Refusal::InsufficientBuyingPower)
            }
            AccountKind::Margin => {
                let (equity, gross) = (self.equity(d.account), self.gross(d.account));
                let allowed = equity * leverage / 100;
                let beyond = equity <= 0 || gross > allowed;
                let reason = if beyond {
                    Refusal::LeverageLimit
                } else {
                    Refusal::InsufficientBuyingPower
                };
                let added = (d.book, d.side, d.quantity, own);
                require(self.used(d.account, d.replaced, Some(added)) <= allowed, reason)
            }
        }
    }
}
