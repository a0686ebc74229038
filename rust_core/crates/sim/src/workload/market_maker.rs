//! The bench's flow, stated exactly.
//!
//! One instrument (tick 1 cent, lot 1), a middle price that starts at 100.00 and moves by one tick up or
//! down every 64th order. Of each 100 commands, drawn at random:
//! - 60 add: a Gtc limit order, side by a coin, price 1 + (a geometric number with p = 1/2, at most 15)
//!   ticks away from the middle on its own side, quantity 1 to 100;
//! - 30 cancel: an open order, drawn uniformly among the last 4,096 adds (a book run along with the
//!   generator knows which are open; after 16 draws of gone ones the cancel is of one that is gone);
//! - 10 take: an Ioc limit order through the middle by up to 10 ticks, quantity 1 to 300, which is what it
//!   takes for takes and cancels to remove what adds bring: about three orders a take.
//!
//! Accounts are drawn at random; self-trade prevention is off, so that a book without accounts trades the
//! same. Each command is 10 µs after the one before. With `keys` every command carries a request key of its own, as all do that
//! come through the doors.

use super::*;
use crate::random::Random;
use crate::rival::RivalBook;

#[derive(Clone, Copy, Debug)]
pub struct MarketMaker {
    pub accounts: u64,
    pub commands: usize,
    pub seed: u64,
    pub keys: bool,
}

const FIRST_ACCOUNT: u128 = 100;
const START: Timestamp = 1_750_000_000 * NANOS;
const STEP_NS: i64 = 10_000;
const TICK: i64 = 10_000_000;
const REMEMBERED: usize = 4_096;
const DRAWS: usize = 16;

/// (opening commands, the flow).
pub fn market_maker(of: MarketMaker) -> (Stream, Stream) {
    let mut random = Random::new(of.seed);
    let spec = Instrument {
        symbol: symbol("BENCH"),
        currency: currency("USD"),
        tick: TICK,
        lot: NANOS,
        band_ppm: 100_000,
        collar_ppm: 50_000,
    };
    let mut opening = vec![
        (START, Command::EngineStarted { epoch: 1 }),
        (START, Command::DefineInstrument(spec)),
    ];
    for i in 0..of.accounts {
        let account = AccountId(FIRST_ACCOUNT + u128::from(i));
        let (kind, role) = (AccountKind::Margin, AccountRole::Customer);
        opening.push((
            START,
            Command::OpenAccount {
                account,
                kind,
                role,
                currency: spec.currency,
            },
        ));
        let amount = MAX_TRANSFER;
        opening.push((
            START,
            Command::Deposit {
                account,
                transfer: TransferId(account.0),
                amount,
                request: None,
            },
        ));
        let limits = Limits {
            max_order_quantity: Some(MAX_QUANTITY),
            max_order_notional: Some(MAX_TRANSFER),
            max_position: Some(MAX_QUANTITY),
            max_open_orders: 10_000,
            max_orders_per_second: 1_000_000,
            max_daily_loss: Some(MAX_TRANSFER),
            leverage_percent: 400,
        };
        opening.push((START, Command::SetLimits { account, limits }));
    }
    let mut flow = Vec::with_capacity(of.commands);
    let mut recent: Vec<(AccountId, OrderId)> = Vec::with_capacity(REMEMBERED);
    let mut model = RivalBook::default();
    let mut trades = Vec::new();
    let mut middle = 10_000;
    for n in 0..of.commands {
        let now = START + STEP_NS * (n as i64 + 1);
        if n % 64 == 0 {
            middle = (middle + random.pick(&[-1, 1])).clamp(5_000, 20_000);
        }
        let account = AccountId(FIRST_ACCOUNT + u128::from(random.below(of.accounts)));
        let key = (u128::from(random.draw()) << 64) | n as u128;
        let request = of.keys.then_some(Request { key, body: key });
        let side = random.pick(&[Side::Buy, Side::Sell]);
        let away = if side == Side::Buy { -1 } else { 1 };
        let drawn = random.below(100);
        if (60..90).contains(&drawn) && !recent.is_empty() {
            let mut drawn = random.pick(&recent);
            for _ in 0..DRAWS {
                if model.contains(drawn.1) {
                    break;
                }
                drawn = random.pick(&recent);
            }
            let (account, order) = drawn;
            model.cancel(order);
            flow.push((
                now,
                Command::CancelOrder {
                    account,
                    order,
                    request,
                },
            ));
            continue;
        }
        // Ids as a door makes them: time in the high bits, the rest looks random.
        let order = OrderId((now as u128) << 64 | u128::from(random.draw()));
        let adds = drawn < 90;
        let (ticks, quantity) = if adds {
            let distance = 1 + i64::from(random.draw().trailing_zeros().min(15));
            (middle + away * distance, random.between(1, 100))
        } else {
            (middle - away * random.between(1, 10), random.between(1, 300))
        };
        if adds {
            if recent.len() < REMEMBERED {
                recent.push((account, order));
            } else {
                recent[n % REMEMBERED] = (account, order);
            }
        }
        trades.clear();
        model.place(order, side, ticks, quantity, adds, &mut trades);
        let place = PlaceOrder {
            account,
            order,
            symbol: spec.symbol,
            side,
            kind: OrderKind::Limit,
            time_in_force: if adds { TimeInForce::Gtc } else { TimeInForce::Ioc },
            quantity: quantity * NANOS,
            limit_price: Some(ticks * TICK),
            stop_price: None,
            trail: None,
            display_quantity: None,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: SelfTradePrevention::None,
            class: OrderClass::Simple,
            request,
        };
        flow.push((now, Command::PlaceOrder(place)));
    }
    (opening, flow)
}
