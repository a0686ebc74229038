//! Dispatch of each command to its function. Short commands (definitions, fees, versions) are handled here.

use crate::engine::{Engine, FORMAT_VERSION, MAX_FEEDS, MAX_INSTRUMENTS, RULES_VERSION};
use crate::market::{Feed, Market};
use crate::types::*;
use crate::work::{FollowUp, Job};
use crate::Events;

const MIN_FEE_PPM: i32 = -10_000;
const MAX_FEE_PPM: i32 = 100_000;
const MAX_PPM: u32 = 1_000_000;
/// Longest silence that a feed can be given: one day.
const MAX_SILENCE_NS: i64 = 86_400 * NANOS;

impl Engine {
    pub(crate) fn dispatch(&mut self, command: &Command, events: &mut Events) {
        match *command {
            Command::PlaceOrder(ref order) => self.place(order, events),
            Command::CancelOrder {
                account,
                order,
                request,
            } => self.cancel(account, order, request, events),
            Command::ReplaceOrder(ref replace) => self.replace(replace, events),
            Command::CancelAll {
                account,
                symbol,
                request,
            } => self.cancel_all(account, symbol, request, events),
            Command::OutsideQuote {
                feed,
                source_sequence,
                symbol,
                bid,
                ask,
            } => {
                self.outside_quote(feed, source_sequence, symbol, bid, ask, events);
            }
            Command::OutsideTrade {
                feed,
                source_sequence,
                symbol,
                price,
                quantity,
            } => {
                self.outside_trade(feed, source_sequence, symbol, OutsideSide { price, quantity }, events);
            }
            Command::AdvanceTime | Command::Continue => {}
            Command::EngineStarted { epoch } => self.start_epoch(epoch, events),
            Command::SetRules { version } => self.set_rules(version, events),
            Command::EnableFormat { format } => self.enable_format(format, events),
            Command::DefineInstrument(ref instrument) => self.define_instrument(instrument, events),
            Command::DefineFeed {
                feed,
                house,
                silence_ns,
            } => self.define_feed(feed, house, silence_ns, events),
            Command::SetFees { maker_ppm, taker_ppm } => self.set_fees(maker_ppm, taker_ppm, events),
            Command::SetMargin {
                insurance,
                maintenance_percent,
                interval_ns,
            } => self.set_margin(insurance, maintenance_percent, interval_ns, events),
            Command::SetSession { session, closes_at } => self.set_session(session, closes_at, events),
            Command::Halt { symbol } => self.halt(symbol, events),
            Command::Resume { symbol } => self.resume(symbol, events),
            Command::Split {
                symbol,
                numerator,
                denominator,
            } => self.split(symbol, numerator, denominator, events),
            Command::Dividend { symbol, amount } => self.dividend(symbol, amount, events),
            Command::OpenAccount {
                account,
                kind,
                role,
                currency,
            } => self.open_account(account, kind, role, currency, events),
            Command::Deposit {
                account,
                transfer,
                amount,
                request,
            } => self.deposit(account, transfer, amount, request, events),
            Command::Withdraw {
                account,
                transfer,
                amount,
                request,
            } => self.withdraw(account, transfer, amount, request, events),
            Command::ResetAccount {
                account,
                transfer,
                cash,
                request,
            } => {
                self.reset_account(account, transfer, cash, request, events);
            }
            Command::SetLimits { account, limits } => self.set_limits(account, limits, events),
            Command::SetAccountState { account, state } => self.set_account_state(account, state, events),
        }
    }

    fn start_epoch(&mut self, epoch: u64, events: &mut Events) {
        if epoch <= self.epoch {
            return self.refuse(Refusal::StaleEpoch, events);
        }
        self.epoch = epoch;
        events.push(Event::EngineStarted { epoch });
    }

    fn set_rules(&mut self, version: u32, events: &mut Events) {
        if version != RULES_VERSION {
            return self.refuse(Refusal::UnknownRules, events);
        }
        self.rules = version;
        events.push(Event::RulesSet { version });
    }

    fn enable_format(&mut self, format: u16, events: &mut Events) {
        if format != FORMAT_VERSION {
            return self.refuse(Refusal::UnknownFormat, events);
        }
        self.format = format;
        events.push(Event::FormatEnabled { format });
    }

    fn set_fees(&mut self, maker_ppm: i32, taker_ppm: i32, events: &mut Events) {
        let range = MIN_FEE_PPM..=MAX_FEE_PPM;
        if !range.contains(&maker_ppm) || !range.contains(&taker_ppm) || maker_ppm + taker_ppm < 0 {
            return self.refuse(Refusal::InvalidFees, events);
        }
        self.maker_ppm = maker_ppm;
        self.taker_ppm = taker_ppm;
        events.push(Event::FeesSet { maker_ppm, taker_ppm });
    }

    fn define_instrument(&mut self, instrument: &Instrument, events: &mut Events) {
        if self.find_symbol(instrument.symbol).is_some() {
            return self.refuse(Refusal::InstrumentExists, events);
        }
        if !is_valid(instrument) {
            return self.refuse(Refusal::InvalidInstrument, events);
        }
        if self.markets.len() == MAX_INSTRUMENTS {
            return self.refuse(Refusal::TooManyInstruments, events);
        }
        let Some(currency) = self.ledger.currency_index(instrument.currency) else {
            return self.refuse(Refusal::CurrencyMismatch, events);
        };
        self.add_market(*instrument, Market::new(instrument, currency));
        events.push(Event::InstrumentDefined(*instrument));
    }

    fn define_feed(&mut self, feed: u32, house: AccountId, silence_ns: i64, events: &mut Events) {
        let account = self
            .ledger
            .find(house)
            .filter(|&at| self.ledger.accounts[at as usize].role == AccountRole::House);
        let Some(account) = account else {
            return self.refuse(Refusal::UnknownAccount, events);
        };
        if !(0..=MAX_SILENCE_NS).contains(&silence_ns) {
            return self.refuse(Refusal::AmountOutOfRange, events);
        }
        let silence_ns = if silence_ns == 0 {
            DEFAULT_SILENCE_NS
        } else {
            silence_ns
        };
        let defined = Event::FeedDefined {
            feed,
            house,
            silence_ns,
        };
        match self.feeds.iter().position(|known| known.id == feed) {
            Some(at) => {
                let known = &mut self.feeds[at];
                known.house_account = account;
                known.silence_ns = silence_ns;
                known.last_message_at = None;
                events.push(defined);
                self.work.job = Job::Withdraw {
                    feed: at as u32,
                    at: 0,
                    follow_up: FollowUp::None,
                };
            }
            None if self.feeds.len() == MAX_FEEDS => self.refuse(Refusal::TooManyFeeds, events),
            None => {
                self.feeds.push(Feed {
                    id: feed,
                    house_account: account,
                    silence_ns,
                    last_message_at: None,
                });
                events.push(defined);
            }
        }
    }
}

fn is_valid(instrument: &Instrument) -> bool {
    let Symbol(bytes) = instrument.symbol;
    let length = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let named = length > 0
        && bytes[length..].iter().all(|&byte| byte == 0)
        && bytes[..length]
            .iter()
            .all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'/'));
    named
        && (1..=MAX_PRICE).contains(&instrument.tick)
        && (1..=MAX_QUANTITY).contains(&instrument.lot)
        && i128::from(instrument.tick) * i128::from(instrument.lot) % i128::from(NANOS) == 0
        && 0 < instrument.collar_ppm
        && instrument.collar_ppm <= instrument.band_ppm
        && instrument.band_ppm <= MAX_PPM
}
