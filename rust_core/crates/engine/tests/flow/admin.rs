//! Commands of administrators, transfers, and settings of accounts.

use super::{symbol, Flow, SYMBOLS};
use cift_engine::*;

impl Flow {
    pub(super) fn admin_command(&mut self) -> Command {
        let at = self.random.below(3) as usize;
        let symbol = symbol(SYMBOLS[at]);
        let account = self.account();
        let transfer = TransferId(self.random.next().into());
        match self.random.below(14) {
            0 => Command::Halt { symbol },
            1 | 2 => Command::Resume { symbol },
            3 => {
                self.session += 1;
                let closes_at = self.random.one_in(2).then_some(self.now + 3_000_000_000);
                Command::SetSession {
                    session: self.session,
                    closes_at,
                }
            }
            4 if self.random.one_in(4) => {
                let (numerator, denominator) = self.random.pick(&[(2, 1), (1, 2), (3, 2), (2, 3)]);
                self.middle[at] =
                    (self.middle[at] * i64::from(denominator) / i64::from(numerator)).clamp(1_000, 60_000);
                Command::Split {
                    symbol,
                    numerator,
                    denominator,
                }
            }
            5 => Command::Dividend {
                symbol,
                amount: Money::from(self.random.below(1_000_000_000)),
            },
            6 => Command::Deposit {
                account,
                transfer,
                amount: 10_000 * Money::from(NANOS),
                request: self.request(),
            },
            7 => Command::Withdraw {
                account,
                transfer,
                amount: Money::from(self.random.below(50_000)) * Money::from(NANOS),
                request: self.request(),
            },
            8 => Command::ResetAccount {
                account,
                transfer,
                cash: 100_000 * Money::from(NANOS),
                request: self.request(),
            },
            9 => {
                let cash = (account.0 - 100) % 2 == 0;
                let mut some = |max: i64| self.random.one_in(3).then(|| 1 + self.random.below(max as u64) as i64);
                Command::SetLimits {
                    account,
                    limits: Limits {
                        max_order_quantity: some(300 * NANOS),
                        max_order_notional: some(30_000 * NANOS).map(Money::from),
                        max_position: some(500 * NANOS),
                        max_daily_loss: some(5_000 * NANOS).map(Money::from),
                        max_open_orders: 1 + self.random.below(200) as u32,
                        max_orders_per_second: 1 + self.random.below(300) as u32,
                        leverage_percent: if cash { 100 } else { 100 + self.random.below(900) as u32 },
                    },
                }
            }
            10 => {
                use AccountState::*;
                Command::SetAccountState {
                    account,
                    state: self
                        .random
                        .pick(&[Active, Active, Active, ReduceOnly, Suspended, Closed]),
                }
            }
            11 => Command::SetFees {
                maker_ppm: self.random.below(300) as i32 - 150,
                taker_ppm: self.random.below(500) as i32,
            },
            12 => match self.random.below(3) {
                0 => Command::SetRules {
                    version: self.random.below(3) as u32,
                },
                1 => Command::EnableFormat {
                    format: self.random.below(3) as u16,
                },
                _ => Command::EngineStarted {
                    epoch: self.random.below(100),
                },
            },
            _ => Command::Continue,
        }
    }
}
