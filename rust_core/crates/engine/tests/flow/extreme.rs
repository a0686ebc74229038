//! Commands with extreme and meaningless values in every field, among valid ones.

use super::{symbol, usd, Flow, Random, CENT, SYMBOLS};
use cift_engine::*;

impl Flow {
    /// A command with extreme or meaningless values in any field.
    pub fn extreme_command(&mut self) -> Command {
        let random = &mut self.random;
        let mut command = match random.below(40) {
            0 => Command::DefineInstrument(Instrument {
                symbol: Symbol(random.pick(&[
                    *b"AAA\0\0\0\0\0\0\0\0\0\0\0\0\0",
                    [0; 16],
                    [b'Z'; 16],
                    [255; 16],
                    *b"Q\0Q\0\0\0\0\0\0\0\0\0\0\0\0\0",
                ])),
                currency: Currency([random.below(90) as u8; 8]),
                tick: extreme(random),
                lot: extreme(random),
                band_ppm: random.next() as u32,
                collar_ppm: random.below(3) as u32,
            }),
            1 => Command::DefineFeed {
                feed: random.below(30) as u32,
                house: any_account(random),
                silence_ns: extreme(random),
            },
            2 => Command::SetFees {
                maker_ppm: random.next() as i32,
                taker_ppm: random.next() as i32,
            },
            3 => Command::SetSession {
                session: random.next(),
                closes_at: Some(extreme(random)),
            },
            4 => Command::Split {
                symbol: symbol(SYMBOLS[0]),
                numerator: random.below(1_002) as u32,
                denominator: random.below(1_002) as u32,
            },
            5 => Command::Dividend {
                symbol: symbol(SYMBOLS[1]),
                amount: extreme_amount(random),
            },
            kind @ 6..=11 => extreme_account_command(kind, random),
            12..=14 => Command::OutsideQuote {
                feed: random.below(20) as u32,
                source_sequence: random.next(),
                symbol: symbol(random.pick(&SYMBOLS)),
                bid: OutsideSide {
                    price: extreme(random),
                    quantity: extreme(random),
                },
                ask: OutsideSide {
                    price: extreme(random),
                    quantity: extreme(random),
                },
            },
            15..=17 => Command::OutsideTrade {
                feed: random.below(20) as u32,
                source_sequence: random.next(),
                symbol: symbol(random.pick(&SYMBOLS)),
                price: extreme(random),
                quantity: extreme(random),
            },
            18 => Command::EnableFormat {
                format: random.next() as u16,
            },
            19 => Command::SetRules {
                version: random.next() as u32,
            },
            _ => self.next(),
        };
        make_fields_extreme(&mut command, &mut self.random);
        command
    }
}

/// Replaces some fields of an order or a replace by extreme values.
fn make_fields_extreme(command: &mut Command, random: &mut Random) {
    match command {
        Command::PlaceOrder(order) if random.one_in(2) => {
            let maybe_extreme = |random: &mut Random, price: &mut Option<Price>| {
                if random.one_in(2) {
                    *price = Some(extreme(random));
                }
            };
            maybe_extreme(random, &mut order.limit_price);
            if random.one_in(4) {
                maybe_extreme(random, &mut order.stop_price);
            }
            if random.one_in(2) {
                order.quantity = extreme(random);
            }
            if random.one_in(8) {
                order.display_quantity = Some(extreme(random));
            }
            if random.one_in(8) {
                order.trail = Some(random.pick(&[
                    Trail::Ppm(u32::MAX),
                    Trail::Ppm(0),
                    Trail::Amount(i64::MIN),
                    Trail::Amount(MAX_PRICE),
                ]));
            }
            if random.one_in(8) {
                order.time_in_force = TimeInForce::Gtd(extreme(random));
            }
            if random.one_in(8) {
                order.account = any_account(random);
            }
            if random.one_in(30) {
                order.order = OrderId(0);
            }
        }
        Command::ReplaceOrder(replace) if random.one_in(2) => {
            replace.quantity = Some(extreme(random));
            replace.limit_price = random.one_in(2).then(|| extreme(random));
            replace.trail = random.one_in(4).then(|| Trail::Amount(extreme(random)));
        }
        _ => {}
    }
}

fn extreme_account_command(kind: u64, random: &mut Random) -> Command {
    match kind {
        6 => Command::OpenAccount {
            account: any_account(random),
            kind: AccountKind::Margin,
            role: random.pick(&[AccountRole::Customer, AccountRole::House]),
            currency: usd(),
        },
        7 => Command::Deposit {
            account: any_account(random),
            transfer: TransferId(random.next().into()),
            amount: extreme_amount(random),
            request: None,
        },
        8 => Command::Withdraw {
            account: any_account(random),
            transfer: TransferId(random.next().into()),
            amount: extreme_amount(random),
            request: None,
        },
        9 => Command::ResetAccount {
            account: any_account(random),
            transfer: TransferId(random.next().into()),
            cash: extreme_amount(random),
            request: None,
        },
        10 => Command::SetLimits {
            account: any_account(random),
            limits: Limits {
                max_order_quantity: Some(extreme(random)),
                max_order_notional: Some(extreme_amount(random)),
                max_position: Some(extreme(random)),
                max_open_orders: random.next() as u32,
                max_orders_per_second: random.next() as u32,
                max_daily_loss: Some(extreme_amount(random)),
                leverage_percent: random.pick(&[0, 100, 1_000, u32::MAX]),
            },
        },
        _ => Command::SetAccountState {
            account: any_account(random),
            state: AccountState::Active,
        },
    }
}

fn any_account(random: &mut Random) -> AccountId {
    AccountId(random.pick(&[0, 1, 2, 100, 101, 102, 103, 104, 105, 901, 902, 903, u128::MAX]))
}

fn extreme(random: &mut Random) -> i64 {
    let near = random.below(3) as i64 - 1;
    let base = random.pick(&[
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
    if random.one_in(3) {
        base + near
    } else {
        base
    }
}

fn extreme_amount(random: &mut Random) -> Money {
    random.pick(&[
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
