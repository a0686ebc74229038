//! Commands with extreme and meaningless values in every field, among sensible ones.

use super::{symbol, usd, Dice, Flow, CENT, SYMBOLS};
use cift_engine::*;

impl Flow {
    /// Anything at all: extreme and meaningless values in every field.
    pub fn garbage(&mut self) -> Command {
        let dice = &mut self.dice;
        let mut command = match dice.below(40) {
            0 => Command::DefineInstrument(Instrument {
                symbol: Symbol(dice.pick(&[
                    *b"AAA\0\0\0\0\0\0\0\0\0\0\0\0\0",
                    [0; 16],
                    [b'Z'; 16],
                    [255; 16],
                    *b"Q\0Q\0\0\0\0\0\0\0\0\0\0\0\0\0",
                ])),
                currency: Currency([dice.below(90) as u8; 8]),
                tick: extreme(dice),
                lot: extreme(dice),
                band_ppm: dice.next() as u32,
                collar_ppm: dice.below(3) as u32,
            }),
            1 => Command::DefineFeed {
                feed: dice.below(30) as u32,
                house: anyone(dice),
                silence_ns: extreme(dice),
            },
            2 => Command::SetFees {
                maker_ppm: dice.next() as i32,
                taker_ppm: dice.next() as i32,
            },
            3 => Command::SetSession {
                session: dice.next(),
                closes_at: Some(extreme(dice)),
            },
            4 => Command::Split {
                symbol: symbol(SYMBOLS[0]),
                numerator: dice.below(1_002) as u32,
                denominator: dice.below(1_002) as u32,
            },
            5 => Command::Dividend {
                symbol: symbol(SYMBOLS[1]),
                amount: huge(dice),
            },
            6 => Command::OpenAccount {
                account: anyone(dice),
                kind: AccountKind::Margin,
                role: dice.pick(&[AccountRole::Customer, AccountRole::House]),
                currency: usd(),
            },
            7 => Command::Deposit {
                account: anyone(dice),
                transfer: TransferId(0),
                amount: huge(dice),
                request: None,
            },
            8 => Command::Withdraw {
                account: anyone(dice),
                transfer: TransferId(0),
                amount: huge(dice),
                request: None,
            },
            9 => Command::ResetAccount {
                account: anyone(dice),
                transfer: TransferId(0),
                cash: huge(dice),
                request: None,
            },
            10 => Command::SetLimits {
                account: anyone(dice),
                limits: Limits {
                    max_order_quantity: Some(extreme(dice)),
                    max_order_notional: Some(huge(dice)),
                    max_position: Some(extreme(dice)),
                    max_open_orders: dice.next() as u32,
                    max_orders_per_second: dice.next() as u32,
                    max_daily_loss: Some(huge(dice)),
                    leverage_percent: dice.pick(&[0, 100, 1_000, u32::MAX]),
                },
            },
            11 => Command::SetAccountState {
                account: anyone(dice),
                state: AccountState::Active,
            },
            12..=14 => Command::OutsideQuote {
                feed: dice.below(20) as u32,
                source_sequence: dice.next(),
                symbol: symbol(dice.pick(&SYMBOLS)),
                bid: OutsideSide {
                    price: extreme(dice),
                    quantity: extreme(dice),
                },
                ask: OutsideSide {
                    price: extreme(dice),
                    quantity: extreme(dice),
                },
            },
            15..=17 => Command::OutsideTrade {
                feed: dice.below(20) as u32,
                source_sequence: dice.next(),
                symbol: symbol(dice.pick(&SYMBOLS)),
                price: extreme(dice),
                quantity: extreme(dice),
            },
            18 => Command::EnableFormat {
                format: dice.next() as u16,
            },
            19 => Command::SetRules {
                version: dice.next() as u32,
            },
            _ => self.next(),
        };
        let dice = &mut self.dice;
        match &mut command {
            Command::PlaceOrder(order) if dice.one_in(2) => {
                let wild = |dice: &mut Dice, price: &mut Option<Price>| {
                    if dice.one_in(2) {
                        *price = Some(extreme(dice));
                    }
                };
                wild(dice, &mut order.limit_price);
                if dice.one_in(4) {
                    wild(dice, &mut order.stop_price);
                }
                if dice.one_in(2) {
                    order.quantity = extreme(dice);
                }
                if dice.one_in(8) {
                    order.display_quantity = Some(extreme(dice));
                }
                if dice.one_in(8) {
                    order.trail = Some(dice.pick(&[
                        Trail::Ppm(u32::MAX),
                        Trail::Ppm(0),
                        Trail::Amount(i64::MIN),
                        Trail::Amount(MAX_PRICE),
                    ]));
                }
                if dice.one_in(8) {
                    order.time_in_force = TimeInForce::Gtd(extreme(dice));
                }
                if dice.one_in(8) {
                    order.account = anyone(dice);
                }
                if dice.one_in(30) {
                    order.order = OrderId(0);
                }
            }
            Command::ReplaceOrder(replace) if dice.one_in(2) => {
                replace.quantity = Some(extreme(dice));
                replace.limit_price = dice.one_in(2).then(|| extreme(dice));
                replace.trail = dice.one_in(4).then(|| Trail::Amount(extreme(dice)));
            }
            _ => {}
        }
        command
    }
}

fn anyone(dice: &mut Dice) -> AccountId {
    AccountId(dice.pick(&[0, 1, 2, 100, 101, 102, 103, 104, 105, 901, 902, 903, u128::MAX]))
}

fn extreme(dice: &mut Dice) -> i64 {
    let near = dice.below(3) as i64 - 1;
    let base = dice.pick(&[
        0,
        1,
        -1,
        CENT,
        NANOS,
        NANOS / 10,
        100 * NANOS,
        MAX_PRICE,
        MAX_QUANTITY,
        MAX_QUANTITY,
        i64::MAX - 1,
        i64::MIN + 1,
        MAX_POSITION,
        1_700_000_000_000_000_000,
    ]);
    if dice.one_in(3) {
        base + near
    } else {
        base
    }
}

fn huge(dice: &mut Dice) -> Money {
    dice.pick(&[
        0,
        1,
        -1,
        Money::from(NANOS),
        MAX_TRANSFER,
        MAX_TRANSFER + 1,
        i128::MAX,
        i128::MIN,
        Money::from(MAX_PRICE),
    ])
}
