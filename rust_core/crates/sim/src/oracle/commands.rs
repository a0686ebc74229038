//! The oracle's §1, §3 and §11, and `SetSession` of §8: all commands but orders and quotes.

use super::placing::Applied;
use super::risk::require;
use super::*;

const MAX_INSTRUMENTS: usize = 4_096;
const MAX_CURRENCIES: usize = 64;
const DONE: Applied = Ok((None, 0));

fn default_limits(kind: AccountKind) -> Limits {
    Limits {
        max_order_quantity: None,
        max_order_notional: None,
        max_position: None,
        max_open_orders: 500,
        max_orders_per_second: 500,
        max_daily_loss: None,
        leverage_percent: if kind == AccountKind::Cash { 100 } else { 200 },
    }
}

fn check_amount(amount: Money, least: Money) -> Result<(), Refusal> {
    require(amount >= least && amount <= MAX_TRANSFER, Refusal::AmountOutOfRange)
}

impl Oracle {
    pub(crate) fn execute(&mut self, sequence: CommandSequence, command: &Command) -> Outcome {
        let request = match command {
            Command::Deposit { request, .. }
            | Command::Withdraw { request, .. }
            | Command::ResetAccount { request, .. }
            | Command::CancelOrder { request, .. }
            | Command::CancelAll { request, .. } => *request,
            Command::PlaceOrder(p) => p.request,
            Command::ReplaceOrder(r) => r.request,
            _ => None,
        };
        if let Some(request) = request {
            if let Some(known) = self.keys.get(&request.key) {
                if known.body == request.body {
                    return Outcome::Repeated { first: known.first };
                }
                return self.refuse(Refusal::IdempotencyConflict);
            }
        }
        let applied = self.dispatch(command);
        let (outcome, order, affected, refusal) = match applied {
            Ok((rank, affected)) => {
                let order = rank.map(|rank| match self.orders.get(&rank) {
                    Some(open) => open.summary(open.status(), None),
                    None => self.ended[&rank],
                });
                (Outcome::Done { order, affected }, order, affected, None)
            }
            Err(reason) => (
                self.refuse(reason),
                self.refused_order(command, reason),
                0,
                Some(reason),
            ),
        };
        let lasts = refusal.is_none_or(Refusal::is_lasting);
        if let (Some(Request { key, body }), Some(account), true) = (request, self.sender, lasts) {
            self.recorded = true;
            self.make_place(account);
            let first = FirstResult {
                sequence,
                at: self.now,
                order,
                affected,
                refusal,
            };
            self.keys.insert(
                key,
                StoredResult {
                    body,
                    first,
                    account,
                    expires: None,
                },
            );
            let open = match (command, applied) {
                (Command::PlaceOrder(_), Ok((Some(rank), _))) => self.orders.get_mut(&rank),
                _ => None,
            };
            match open {
                Some(order) => order.key = Some(key),
                None => self.start_expiry(key),
            }
        }
        outcome
    }

    /// R11.5: what the first result of a refused `PlaceOrder` contains.
    fn refused_order(&self, command: &Command, reason: Refusal) -> Option<OrderSummary> {
        let Command::PlaceOrder(place) = command else {
            return None;
        };
        let foreign = matches!(reason, Refusal::UnknownAccount | Refusal::DuplicateOrderId);
        (!foreign).then_some(OrderSummary {
            order: place.order,
            status: OrderStatus::Rejected,
            reason: None,
            quantity: place.quantity,
            filled: 0,
            filled_notional: 0,
        })
    }

    fn dispatch(&mut self, command: &Command) -> Applied {
        match *command {
            Command::EngineStarted { epoch } => {
                require(epoch > self.epoch, Refusal::StaleEpoch)?;
                self.epoch = epoch;
                self.emit(Event::EngineStarted { epoch });
                DONE
            }
            Command::AdvanceTime => DONE,
            Command::Continue => unreachable!("`Oracle::apply` refuses Continue"),
            Command::SetRules { version } => {
                require(version == 2, Refusal::UnknownRules)?;
                self.emit(Event::RulesSet { version });
                DONE
            }
            Command::EnableFormat { format } => {
                require(format == 1, Refusal::UnknownFormat)?;
                self.emit(Event::FormatEnabled { format });
                DONE
            }
            Command::DefineInstrument(instrument) => self.define_instrument(instrument),
            Command::DefineFeed {
                feed,
                house,
                silence_ns,
            } => self.define_feed(feed, house, silence_ns),
            Command::SetFees { maker_ppm, taker_ppm } => self.set_fees(maker_ppm, taker_ppm),
            Command::SetMargin {
                insurance,
                maintenance_percent,
                interval_ns,
            } => self.set_margin(insurance, maintenance_percent, interval_ns),
            Command::SetSession { session, closes_at } => self.set_session(session, closes_at),
            Command::Halt { symbol } => self.halt(symbol),
            Command::Resume { symbol } => self.resume(symbol),
            Command::Split {
                symbol,
                numerator,
                denominator,
            } => self.split(symbol, numerator, denominator),
            Command::Dividend { symbol, amount } => self.dividend(symbol, amount),
            Command::OpenAccount {
                account,
                kind,
                role,
                currency,
            } => self.open_account(account, kind, role, currency),
            Command::Deposit {
                account,
                transfer,
                amount,
                ..
            } => self.deposit(account, transfer, amount),
            Command::Withdraw {
                account,
                transfer,
                amount,
                ..
            } => self.withdraw(account, transfer, amount),
            Command::ResetAccount {
                account,
                transfer,
                cash,
                ..
            } => self.reset(account, transfer, cash),
            Command::SetLimits { account, limits } => self.set_limits(account, limits),
            Command::SetAccountState { account, state } => self.set_account_state(account, state),
            Command::PlaceOrder(ref place) => self.place(place),
            Command::ReplaceOrder(ref replace) => self.replace(replace),
            Command::CancelOrder { account, order, .. } => self.cancel(account, order),
            Command::CancelAll { account, symbol, .. } => self.cancel_all(account, symbol),
            Command::OutsideQuote {
                feed,
                source_sequence,
                symbol,
                bid,
                ask,
            } => self.quote(feed, source_sequence, symbol, bid, ask),
            Command::OutsideTrade {
                feed,
                source_sequence,
                symbol,
                price,
                quantity,
            } => self.print(feed, source_sequence, symbol, price, quantity),
        }
    }

    fn set_fees(&mut self, maker_ppm: i32, taker_ppm: i32) -> Applied {
        let bounds = -10_000..=100_000;
        let fits = bounds.contains(&maker_ppm) && bounds.contains(&taker_ppm) && maker_ppm + taker_ppm >= 0;
        require(fits, Refusal::InvalidFees)?;
        (self.maker_ppm, self.taker_ppm) = (maker_ppm.into(), taker_ppm.into());
        self.emit(Event::FeesSet { maker_ppm, taker_ppm });
        DONE
    }

    fn halt(&mut self, symbol: Symbol) -> Applied {
        let book = self.book_of(symbol).ok_or(Refusal::UnknownSymbol)?;
        self.books[book].halted = true;
        self.withdraw_symbol(book);
        self.emit(Event::Halted { symbol });
        DONE
    }

    fn resume(&mut self, symbol: Symbol) -> Applied {
        let book = self.book_of(symbol).ok_or(Refusal::UnknownSymbol)?;
        self.books[book].halted = false;
        self.emit(Event::Resumed { symbol });
        self.release_waiting();
        self.drain();
        DONE
    }

    /// R2.22.
    fn is_known(&self, transfer: TransferId) -> bool {
        transfer.0 == 0 || self.transfers.contains(&transfer)
    }
    fn new_transfer(&mut self, transfer: TransferId) -> Result<(), Refusal> {
        require(!self.is_known(transfer), Refusal::DuplicateTransfer)?;
        self.transfers.insert(transfer);
        Ok(())
    }

    fn deposit(&mut self, account: AccountId, transfer: TransferId, amount: Money) -> Applied {
        let account = self.other_sender(account, true)?;
        check_amount(amount, 1)?;
        self.new_transfer(transfer)?;
        self.accounts[account].baseline += amount;
        self.move_cash(account, transfer, CashKind::Deposit, amount);
        DONE
    }

    fn withdraw(&mut self, account: AccountId, transfer: TransferId, amount: Money) -> Applied {
        let account = self.other_sender(account, false)?;
        check_amount(amount, 1)?;
        require(!self.is_known(transfer), Refusal::DuplicateTransfer)?;
        require(amount <= self.available(account), Refusal::InsufficientCash)?;
        self.new_transfer(transfer)?;
        self.accounts[account].baseline -= amount;
        self.move_cash(account, transfer, CashKind::Withdrawal, -amount);
        DONE
    }

    fn set_limits(&mut self, account: AccountId, limits: Limits) -> Applied {
        let index = self.customer(account, true)?;
        let a = &mut self.accounts[index];
        let leverage = if a.kind == AccountKind::Cash {
            100..=100
        } else {
            100..=1_000
        };
        let fits = (1..=10_000).contains(&limits.max_open_orders)
            && (1..=1_000_000).contains(&limits.max_orders_per_second)
            && leverage.contains(&limits.leverage_percent)
            && limits.max_order_quantity.is_none_or(|v| v > 0)
            && limits.max_order_notional.is_none_or(|v| v > 0)
            && limits.max_position.is_none_or(|v| v > 0)
            && limits.max_daily_loss.is_none_or(|v| v > 0);
        require(fits, Refusal::InvalidLimits)?;
        a.limits = limits;
        self.emit(Event::LimitsSet { account, limits });
        DONE
    }

    fn set_account_state(&mut self, account: AccountId, state: AccountState) -> Applied {
        let index = self.account_of(account).ok_or(Refusal::UnknownAccount)?;
        let a = &mut self.accounts[index];
        require(a.role == AccountRole::Customer, Refusal::UnknownAccount)?;
        let flat = a.positions.is_empty() && a.orders.is_empty();
        require(state != AccountState::Closed || flat, Refusal::AccountNotFlat)?;
        a.state = state;
        self.emit(Event::AccountStateSet { account, state });
        if matches!(state, AccountState::ReduceOnly | AccountState::Suspended) {
            for order in self.orders.values_mut().filter(|o| o.account == index) {
                order.reduce_only = true;
            }
            for book in 0..self.books.len() {
                self.trim_reduce_only(index, book);
            }
            self.drain();
        }
        DONE
    }

    fn check_currency(&self, currency: Currency) -> Result<(), Refusal> {
        let mut known: BTreeSet<Currency> = self.books.iter().map(|b| b.spec.currency).collect();
        known.extend(self.accounts.iter().map(|a| a.currency));
        require(
            known.contains(&currency) || known.len() < MAX_CURRENCIES,
            Refusal::CurrencyMismatch,
        )
    }

    fn define_instrument(&mut self, i: Instrument) -> Applied {
        require(self.book_of(i.symbol).is_none(), Refusal::InstrumentExists)?;
        let text = i.symbol.0.iter().take_while(|b| **b != 0).count();
        let letter = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || b".-/".contains(b);
        let fits = text > 0
            && i.symbol.0[..text].iter().all(letter)
            && i.symbol.0[text..].iter().all(|b| *b == 0)
            && (1..=MAX_PRICE).contains(&i.tick)
            && (1..=MAX_QUANTITY).contains(&i.lot)
            && i128::from(i.tick) * i128::from(i.lot) % NANO == 0
            && 0 < i.collar_ppm
            && i.collar_ppm <= i.band_ppm
            && i.band_ppm <= 1_000_000;
        require(fits, Refusal::InvalidInstrument)?;
        require(self.books.len() < MAX_INSTRUMENTS, Refusal::TooManyInstruments)?;
        self.check_currency(i.currency)?;
        self.books.push(Book {
            spec: i,
            last: None,
            base: None,
            period: None,
            prints: Vec::new(),
            beyond: 0,
            halted: false,
            bids: Vec::new(),
            asks: Vec::new(),
        });
        self.emit(Event::InstrumentDefined(i));
        DONE
    }

    fn open_account(&mut self, id: AccountId, kind: AccountKind, role: AccountRole, currency: Currency) -> Applied {
        let known = id == WORLD || id == FEES || self.account_of(id).is_some();
        require(!known, Refusal::AccountExists)?;
        self.check_currency(currency)?;
        self.accounts.push(Account {
            id,
            kind,
            role,
            currency,
            state: AccountState::Active,
            limits: default_limits(kind),
            cash: 0,
            baseline: 0,
            positions: BTreeMap::new(),
            rate: (i64::MIN, 0),
            orders: BTreeSet::new(),
        });
        self.emit(Event::AccountOpened {
            account: id,
            kind,
            role,
            currency,
        });
        DONE
    }

    fn set_session(&mut self, session: u64, closes_at: Option<Timestamp>) -> Applied {
        let increases = self.session.is_none_or(|last| session > last);
        require(
            increases && closes_at.is_none_or(|at| at > self.now),
            Refusal::InvalidSession,
        )?;
        if !self.closed {
            self.close_market();
        }
        self.session = Some(session);
        self.closed = false;
        self.closes_at = closes_at;
        self.emit(Event::SessionSet { session, closes_at });
        for account in 0..self.accounts.len() {
            self.accounts[account].baseline = self.equity(account);
        }
        let currencies: Vec<Currency> = self.margin_order.clone();
        for currency in currencies {
            self.arm_margin_check(currency);
        }
        self.release_waiting();
        self.drain();
        DONE
    }

    fn reset(&mut self, account: AccountId, transfer: TransferId, cash: Money) -> Applied {
        let account = self.other_sender(account, false)?;
        check_amount(cash, 0)?;
        self.new_transfer(transfer)?;
        let ranks: Vec<Rank> = self.accounts[account].orders.iter().copied().collect();
        self.sweep(&ranks, OrderStatus::Canceled, CloseReason::AccountReset);
        let positions: Vec<(usize, i128)> = self.accounts[account]
            .positions
            .iter()
            .map(|(b, p)| (*b, p.0))
            .collect();
        for (book, quantity) in positions {
            self.set_position(account, book, 0, 0);
            *self.world_positions.entry(book).or_insert(0) += quantity;
            self.emit(Event::PositionMoved {
                account: self.accounts[account].id,
                symbol: self.books[book].spec.symbol,
                kind: PositionKind::Reset,
                position: 0,
                cost: 0,
            });
        }
        self.move_cash(account, transfer, CashKind::Reset, cash - self.accounts[account].cash);
        self.accounts[account].baseline = cash;
        DONE
    }
}
