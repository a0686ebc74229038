//! The whole engine behind the ABI: accounts, risk checks, ledger, events, and with `keys` a request key for every
//! command. The orders are divided among accounts in turn, each with finite limits that no order of the workload
//! reaches. Orders of one account may trade with each other, because the ABI has no accounts.

use crate::abi::*;
use crate::ids::Ids;
use crate::{Matcher, Reports};
use cift_engine::*;

const TICK: i64 = 5_000_000;
const LOT: i64 = NANOS;
/// Added to every price. The widest price band is 100 % of the mark, and the wide scenarios move further than that.
const OFFSET: i64 = 200_000;
const ACCOUNTS: u64 = 1_024;
const CASH: Money = 1_000_000_000 * NANOS as Money;
const START: i64 = 1_700_000_000 * NANOS;
/// One message in a microsecond of the journal's time.
const STEP_NS: i64 = 1_000;
const CAPACITY: usize = 1 << 18;

pub(crate) struct EngineMatcher {
    engine: Engine,
    events: Vec<Event>,
    sequence: u64,
    symbol: Symbol,
    keys: bool,
    /// Price and side of the open orders: what a gateway keeps of its clients' orders.
    open: Ids,
}

fn side_of(code: u8) -> Side {
    if code == 0 {
        Side::Buy
    } else {
        Side::Sell
    }
}

fn pack(price: i64, side: u8) -> u64 {
    (price as u64) << 1 | u64::from(side)
}

impl EngineMatcher {
    pub(crate) fn new(keys: bool) -> EngineMatcher {
        let mut name = [0; 16];
        name[..4].copy_from_slice(b"WRLD");
        let mut currency = [0; 8];
        currency[..3].copy_from_slice(b"USD");
        let (symbol, currency) = (Symbol(name), Currency(currency));
        let mut engine = Engine::new();
        engine.warm_up(CAPACITY, if keys { 1 << 21 } else { 0 });
        let mut matcher = EngineMatcher {
            engine,
            events: Vec::with_capacity(2_048),
            sequence: 0,
            symbol,
            keys,
            open: Ids::with_bits(12),
        };
        matcher.setup(currency);
        matcher.engine.warm_up_book(symbol, CAPACITY, 1 << 16);
        matcher
    }

    fn setup(&mut self, currency: Currency) {
        let symbol = self.symbol;
        let mut setup = vec![Command::DefineInstrument(Instrument {
            symbol,
            currency,
            tick: TICK,
            lot: LOT,
            band_ppm: 1_000_000,
            collar_ppm: 1_000_000,
        })];
        for number in 0..ACCOUNTS {
            let account = account(number);
            setup.push(Command::OpenAccount {
                account,
                kind: AccountKind::Margin,
                role: AccountRole::Customer,
                currency,
            });
            setup.push(Command::Deposit {
                account,
                transfer: TransferId(u128::from(number) + 1),
                amount: CASH,
                request: None,
            });
            setup.push(Command::SetLimits {
                account,
                limits: Limits {
                    max_order_quantity: Some(1_000_000 * NANOS),
                    max_order_notional: Some(CASH),
                    max_position: Some(100_000_000 * NANOS),
                    max_open_orders: MAX_OPEN_ORDERS_PER_ACCOUNT,
                    max_orders_per_second: MAX_ORDERS_PER_SECOND,
                    max_daily_loss: Some(CASH / 2),
                    leverage_percent: 100,
                },
            });
        }
        setup.push(Command::SetSession {
            session: 1,
            closes_at: None,
        });
        for command in &setup {
            let outcome = self.apply(command);
            assert!(!matches!(outcome, Outcome::Refused(_)), "{command:?}: {outcome:?}");
        }
    }

    #[inline]
    fn apply(&mut self, command: &Command) -> Outcome {
        self.events.clear();
        self.sequence += 1;
        let at = START + self.sequence as i64 * STEP_NS;
        let mut outcome = self.engine.apply(self.sequence, at, command, &mut self.events);
        while self.engine.needs_continue() {
            self.sequence += 1;
            outcome = self
                .engine
                .apply(self.sequence, at, &Command::Continue, &mut self.events);
        }
        outcome
    }

    /// A digest as `wire` would compute it; computing one is not work of the engine.
    #[inline]
    fn request(&self, sequence: u64) -> Option<Request> {
        self.keys.then(|| {
            let mix = |value: u64| {
                let mut z = value.wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            };
            let high = mix(sequence + 1);
            let key = u128::from(high) << 64 | u128::from(mix(high));
            Request { key, body: key }
        })
    }

    /// Reports the trades of the last command, and forgets the orders that they filled.
    #[inline]
    fn report_trades(&mut self, sequence: u64, reports: &Reports) {
        for event in &self.events {
            if let Event::TradeExecuted {
                price,
                quantity,
                maker,
                taker,
                ..
            } = event
            {
                let (maker_id, taker_id) = (maker.order.0 as u64, taker.order.0 as u64);
                let (price, lots) = (price / TICK - OFFSET, (quantity / LOT) as u32);
                reports.send(&Report::trade(sequence, price, lots, maker_id, taker_id));
                if maker.leaves == 0 {
                    self.open.remove(maker_id);
                }
            }
        }
    }
}

#[inline]
fn account(number: u64) -> AccountId {
    AccountId(1 << 64 | u128::from(number % ACCOUNTS + 1_000))
}

impl Matcher for EngineMatcher {
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
        let outcome = self.apply(&Command::PlaceOrder(PlaceOrder {
            account: account(order_id),
            order: OrderId(1 << 64 | u128::from(order_id)),
            symbol: self.symbol,
            side: side_of(side),
            kind: OrderKind::Limit,
            time_in_force: if ioc == 0 { TimeInForce::Gtc } else { TimeInForce::Ioc },
            quantity: i64::from(quantity) * LOT,
            limit_price: Some((price + OFFSET) * TICK),
            stop_price: None,
            trail: None,
            display_quantity: None,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: SelfTradePrevention::None,
            class: OrderClass::Simple,
            request: self.request(sequence),
        }));
        let Outcome::Done { order: Some(state), .. } = outcome else {
            panic!("the engine refused order {order_id}: {outcome:?}");
        };
        self.report_trades(sequence, reports);
        let left = ((state.quantity - state.filled) / LOT) as u32;
        if ioc == 0 && left > 0 {
            self.open.insert(order_id, pack(price, side));
        } else if left > 0 {
            reports.send(&Report::of(CANCEL_ACK, sequence, order_id, side, price, left));
        }
    }

    fn cancel(&mut self, cancel: &Cancel, reports: &Reports) {
        let Cancel { order_id, sequence } = *cancel;
        let outcome = self.apply(&Command::CancelOrder {
            account: account(order_id),
            order: OrderId(1 << 64 | u128::from(order_id)),
            request: self.request(sequence),
        });
        let (Outcome::Done { order: Some(state), .. }, Some(value)) = (outcome, self.open.remove(order_id)) else {
            return reports.send(&Report::of(CANCEL_REJECT, sequence, order_id, 0, 0, 0));
        };
        let left = ((state.quantity - state.filled) / LOT) as u32;
        let (price, side) = ((value >> 1) as i64, (value & 1) as u8);
        reports.send(&Report::of(CANCEL_ACK, sequence, order_id, side, price, left));
    }

    fn modify(&mut self, modify: &Modify, reports: &Reports) {
        let Modify {
            order_id,
            sequence,
            price,
            quantity,
            ..
        } = *modify;
        let id = OrderId(1 << 64 | u128::from(order_id));
        // The ABI gives the new remainder, a replace the new total.
        let Some((value, state)) = self.open.find(order_id).zip(self.engine.order(id)) else {
            return reports.send(&Report::of(MODIFY_REJECT, sequence, order_id, 0, 0, 0));
        };
        let side = (value & 1) as u8;
        let outcome = self.apply(&Command::ReplaceOrder(ReplaceOrder {
            account: account(order_id),
            order: id,
            quantity: Some(state.filled + i64::from(quantity) * LOT),
            limit_price: Some((price + OFFSET) * TICK),
            stop_price: None,
            trail: None,
            request: self.request(sequence),
        }));
        let Outcome::Done { order: Some(state), .. } = outcome else {
            panic!("the engine refused to replace order {order_id}: {outcome:?}");
        };
        reports.send(&Report::of(MODIFY_ACK, sequence, order_id, side, price, quantity));
        self.report_trades(sequence, reports);
        if state.quantity > state.filled {
            self.open.insert(order_id, pack(price, side));
        } else {
            self.open.remove(order_id);
        }
    }

    fn best(&self, buy: bool) -> Option<i64> {
        let quote = self.engine.quote(self.symbol)?;
        let level = if buy { quote.bid } else { quote.ask };
        level.map(|(price, _)| price / TICK - OFFSET)
    }

    fn depth(&self, price: i64, buy: bool) -> u64 {
        let (mut bids, mut asks) = (Vec::new(), Vec::new());
        self.engine.book(self.symbol, usize::MAX, &mut bids, &mut asks);
        let levels = if buy { bids } else { asks };
        let level = levels.iter().find(|level| level.price == (price + OFFSET) * TICK);
        level.map_or(0, |level| (level.quantity / LOT) as u64)
    }
}
