//! The generator's other commands: transfers, limits, states, fees, sessions, halts, splits, definitions.

use super::generator::*;
use super::*;

impl Generator {
    pub(super) fn amount(&mut self) -> Money {
        if self.wrong() {
            return self.random.pick(&[0, -1, MAX_TRANSFER, MAX_TRANSFER + 1, i128::MAX]);
        }
        Money::from(self.random.between(1, 60_000)) * Money::from(NANOS / 4)
    }
    pub(super) fn transfer(&mut self) {
        let (account, amount, request) = (self.account(), self.amount(), self.request());
        self.next_id += 1;
        // Now and then an id that was probably used before.
        let back = if self.random.one_in(20) {
            self.random.below(300).into()
        } else {
            0
        };
        let transfer = TransferId(self.next_id.saturating_sub(back));
        let deposits = self.random.one_in(3);
        self.push_request(if deposits {
            Command::Deposit {
                account,
                transfer,
                amount,
                request,
            }
        } else {
            Command::Withdraw {
                account,
                transfer,
                amount,
                request,
            }
        });
    }
    pub(super) fn reset(&mut self) {
        let (account, request) = (self.account(), self.request());
        let cash = if self.random.one_in(10) { 0 } else { self.amount() };
        self.next_id += 1;
        let rich = matches!(self.profile, Profile::Sweep | Profile::Whale);
        let cash = if rich { cash * 100_000 } else { cash };
        self.push_request(Command::ResetAccount {
            account,
            transfer: TransferId(self.next_id),
            cash,
            request,
        });
    }

    pub(super) fn limits(&mut self) {
        let account = self.account();
        let lot = self.markets[0].spec.lot;
        let r = &mut self.random;
        let limits = Limits {
            max_order_quantity: r.one_in(3).then(|| r.between(0, 40) * lot),
            max_order_notional: r
                .one_in(3)
                .then(|| Money::from(r.between(0, 9_000)) * Money::from(NANOS)),
            max_position: r.one_in(3).then(|| r.between(1, 120) * lot),
            max_open_orders: r.pick(&[0, 1, 3, 8, 500, 500, 10_000, 10_001]),
            max_orders_per_second: r.pick(&[0, 1, 4, 500, 500, 1_000_000, 1_000_001]),
            max_daily_loss: r
                .one_in(3)
                .then(|| Money::from(r.between(0, 5_000)) * Money::from(NANOS)),
            leverage_percent: if account.0.wrapping_sub(FIRST_ACCOUNT) % 3 == 0 && !r.one_in(10) {
                100
            } else {
                r.pick(&[99, 100, 150, 400, 1_000, 1_001])
            },
        };
        let limits = match self.random.below(12) {
            0 => Limits {
                max_order_quantity: Some(i64::MAX),
                max_order_notional: Some(i128::MAX),
                max_position: Some(i64::MAX),
                max_daily_loss: Some(i128::MAX),
                ..limits
            },
            1 => Limits {
                max_position: Some(1),
                max_daily_loss: Some(1),
                max_order_notional: Some(1),
                ..limits
            },
            2 => Limits {
                max_position: Some(i64::MIN),
                max_daily_loss: Some(i128::MIN),
                ..limits
            },
            _ => limits,
        };
        self.push(Command::SetLimits { account, limits });
    }

    pub(super) fn state(&mut self) {
        let account = self.account();
        let states = [
            AccountState::Active,
            AccountState::ReduceOnly,
            AccountState::Suspended,
            AccountState::Closed,
        ];
        let state = states[self.random.weighted(&[6, 2, 1, 1])];
        self.push(Command::SetAccountState { account, state });
    }

    pub(super) fn fees(&mut self) {
        let fees = [
            (0, 0),
            (0, 1_000),
            (-300, 300),
            (-300, 299),
            (2_500, 2_500),
            (100_001, 0),
            (0, -1),
            (100_000, 500),
        ];
        let (maker_ppm, taker_ppm) = self.random.pick(&fees);
        self.push(Command::SetFees { maker_ppm, taker_ppm });
    }

    pub(super) fn margin(&mut self) {
        let insurance = match self.random.below(8) {
            0 => self.account(),
            at => AccountId(FIRST_HOUSE + u128::from(at) % HOUSES),
        };
        let maintenance_percent = self.random.pick(&[0, 50, 50, 90, 100, 101]);
        let interval_ns = self.random.pick(&[1_000_000, SECOND / 10, SECOND, 999_999]);
        self.push(Command::SetMargin {
            insurance,
            maintenance_percent,
            interval_ns,
        });
    }

    pub(super) fn new_session(&mut self) {
        if !self.random.one_in(12) {
            self.session += 1;
        }
        let closes_in = self.random.between(-SECOND / 20, 40 * SECOND);
        let closes_at = self.random.one_in(2).then_some(self.now + closes_in);
        self.push(Command::SetSession {
            session: self.session,
            closes_at,
        });
        if closes_at.is_some() {
            // Most commands are refused in a closed market: open it again soon.
            self.session += 1;
            let now = self.now;
            self.now += self.random.between(1, 60 * SECOND);
            if self.random.one_in(2) {
                let market = self.random.below(self.markets.len() as u64) as usize;
                self.place(market);
                self.quote(market, 0);
                self.cancel();
                self.print(market, 1);
            }
            assert!(self.now >= now);
            self.push(Command::SetSession {
                session: self.session,
                closes_at: None,
            });
        }
    }

    pub(super) fn halt(&mut self, market: usize) {
        let symbol = if self.wrong() {
            symbol("NONE")
        } else {
            self.markets[market].spec.symbol
        };
        self.push(Command::Halt { symbol });
        for _ in 0..self.random.below(6) {
            match self.random.below(5) {
                0 => self.place(market),
                1 => self.quote(market, 0),
                2 => self.print(market, 1),
                _ => self.cancel(),
            }
        }
        self.push(Command::Resume { symbol });
    }

    pub(super) fn split(&mut self, market: usize) {
        let ratios = [
            (2, 1),
            (1, 2),
            (3, 2),
            (7, 5),
            (1, 1),
            (0, 1),
            (1, 10),
            (10, 1),
            (1_001, 1),
            (1_000, 1),
            (1, 1_000),
        ];
        let (numerator, denominator) = self.random.pick(&ratios);
        self.push(Command::Split {
            symbol: self.markets[market].spec.symbol,
            numerator,
            denominator,
        });
        if numerator > 0 && denominator > 0 && numerator <= 1_000 {
            let m = &mut self.markets[market];
            m.middle = (m.middle * i64::from(denominator) / i64::from(numerator)).clamp(20, 2_000);
        }
    }

    pub(super) fn dividend(&mut self, market: usize) {
        let mut amount = self.random.pick(&[1, 250_000_000, 333_333_333, 0, -5, 1_000_000_007]);
        if self.wrong() {
            amount = self
                .random
                .pick(&[i128::MAX, i128::MIN, Money::from(MAX_PRICE) + 1, Money::from(MAX_PRICE)]);
        }
        self.push(Command::Dividend {
            symbol: self.markets[market].spec.symbol,
            amount,
        });
    }

    pub(super) fn definitions(&mut self, market: usize) {
        let spec = self.markets[market].spec;
        match self.random.below(9) {
            0 => self.push(Command::DefineInstrument(spec)),
            1 => self.push(Command::DefineInstrument(Instrument {
                symbol: symbol("bad"),
                ..spec
            })),
            2 => {
                let (tick, lot) = self
                    .random
                    .pick(&[(3, 7), (0, 1), (-1, NANOS), (i64::MAX, i64::MAX), (1, i64::MIN)]);
                let (band_ppm, collar_ppm) =
                    self.random
                        .pick(&[(spec.band_ppm, spec.collar_ppm), (0, 0), (u32::MAX, 1)]);
                let symbol = symbol("X1");
                self.push(Command::DefineInstrument(Instrument {
                    symbol,
                    tick,
                    lot,
                    band_ppm,
                    collar_ppm,
                    ..spec
                }));
            }
            3 => {
                let house = AccountId(self.random.pick(&[FIRST_HOUSE, FIRST_HOUSE + 1, FIRST_ACCOUNT, 1]));
                let silence_ns = self.random.pick(&[0, SECOND, -1, DAY + 1, 30 * SECOND]);
                let feed = self.random.below(3) as u32;
                self.push(Command::DefineFeed {
                    feed,
                    house,
                    silence_ns,
                });
            }
            4 => {
                let account = self.account();
                let kind = AccountKind::Margin;
                self.push(Command::OpenAccount {
                    account,
                    kind,
                    role: AccountRole::Customer,
                    currency: spec.currency,
                });
            }
            5 => {
                let version = self.random.pick(&[0, 1, 2, 3]);
                self.push(Command::SetRules { version });
            }
            6 => {
                let format = self.random.pick(&[0, 1, 2]);
                self.push(Command::EnableFormat { format });
            }
            7 => {
                let epoch = 1 + self.random.below(9);
                self.push(Command::EngineStarted { epoch });
            }
            _ => self.push(Command::Continue),
        }
    }
}
