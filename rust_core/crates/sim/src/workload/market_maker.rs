//! The flow of the benchmark.
//!
//! One instrument (tick 1 cent, lot 1). A middle price starts at 100.00 and moves by one tick up or down
//! every 64th command. Of each 100 commands, drawn at random:
//! - 60 add: a Gtc limit order on a random side. Its price is 1 + (a geometric number with p = 1/2, at most
//!   15) ticks away from the middle on its own side, its quantity 1 to 100.
//! - 30 cancel: an open order, drawn uniformly among the last 4,096 adds. The generator runs a book of its
//!   own to know which are open. After 16 draws of ended orders it cancels an ended one.
//! - 10 take: an Ioc limit order through the middle by up to 10 ticks, quantity 1 to 300. With these sizes
//!   takes and cancels remove as much as adds rest: about three orders per take.
//!
//! Accounts are drawn at random. Self-trade prevention is off, so that a book without accounts makes the
//! same trades. Commands are 10 µs apart. With `keys` every command has its own request key, like the
//! commands of our HTTP functions.

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

/// Returns (setup commands, the flow).
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
    let setup = setup_commands(of, spec);
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
        // Ids like those of our HTTP functions: time in the high bits, the other bits look random.
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
    (setup, flow)
}

/// The instrument, and the accounts with money and finite limits.
fn setup_commands(of: MarketMaker, spec: Instrument) -> Stream {
    let mut setup = vec![
        (START, Command::EngineStarted { epoch: 1 }),
        (START, Command::DefineInstrument(spec)),
    ];
    for i in 0..of.accounts {
        let account = AccountId(FIRST_ACCOUNT + u128::from(i));
        let (kind, role) = (AccountKind::Margin, AccountRole::Customer);
        setup.push((
            START,
            Command::OpenAccount {
                account,
                kind,
                role,
                currency: spec.currency,
            },
        ));
        let amount = MAX_TRANSFER;
        setup.push((
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
        setup.push((START, Command::SetLimits { account, limits }));
    }
    setup
}
