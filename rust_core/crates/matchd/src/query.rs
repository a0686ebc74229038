//! Queries on `engine.<shard>.query`: JSON in, JSON out. The answers are the structs of `cift_wire::query`.
//!
//! An answer is computed from the applied state at once. It is sent after the PubAck of the record that it
//! shows.
use crate::checksum::{checksum, CHECKSUM_DEPTH};
use crate::query_order;
use crate::replica::Replica;
use cift_engine::{AccountId, Level, Limits, OrderId, Refusal, Symbol};
use cift_wire::limits::{MAX_BOOK_LEVELS_PER_QUERY, MAX_QUOTES_PER_QUERY};
use cift_wire::query::{
    Account, AccountAnswer, AccountLimits, AccountSequenceAnswer, BookAnswer, BookLevel, Feed, FeedsAnswer,
    HeldPosition, InstrumentsAnswer, ListedInstrument, OrderAnswer, QueryError, Quote, QuoteAnswer, StatusAnswer,
};
use cift_wire::text::{parse_symbol, parse_uuid, symbol_str};
use cift_wire::{Decimal, Json};
use serde_json::{Map, Value};

const DEFAULT_BOOK_LEVELS: usize = 10;

/// The state that queries are answered from.
pub struct QueryState<'a> {
    pub replica: &'a Replica,
    /// Sequence of the record that the state belongs to.
    pub sequence: u64,
    pub now: i64,
    pub journal_bytes: u64,
    pub journal_max_bytes: u64,
    pub pending: usize,
}

/// Why a query has no answer: a code and a message. An empty message stands for the words of the code.
pub(crate) struct Failure(pub &'static str, pub String);
/// The answer as JSON.
pub(crate) type Answer = Result<String, Failure>;
impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Failure {
        Failure(refusal.as_str(), String::new())
    }
}

/// A failure with code `invalid_query`.
pub(crate) fn invalid(message: impl Into<String>) -> Failure {
    Failure("invalid_query", message.into())
}

pub(crate) fn json(answer: &impl Json) -> String {
    let mut text = String::new();
    answer.write(&mut text);
    text
}

/// Answers one query. The answer is always valid JSON.
pub fn answer(state: &QueryState<'_>, query: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Value>(query) {
        Ok(Value::Object(query)) => dispatch(state, &query),
        _ => Err(invalid("expected a JSON object")),
    };
    let text = answer.unwrap_or_else(|Failure(error, message)| {
        json(&QueryError {
            error,
            message: if message.is_empty() {
                error.replace('_', " ")
            } else {
                message.clone()
            },
            symbol: (error == "unknown_symbol").then_some(message),
        })
    });
    text.into_bytes()
}

fn dispatch(state: &QueryState<'_>, query: &Map<String, Value>) -> Answer {
    let Some((name, value)) = query.iter().next().filter(|_| query.len() == 1) else {
        return Err(invalid(format!("expected exactly one key, got {}", query.len())));
    };
    match name.as_str() {
        "account" => account(state, id(value, "account")?),
        "account_sequence" => account_sequence(state, id(value, "account")?),
        "order" => order(state, id(value, "order")?),
        "quote" => quotes(state, value),
        "book" => book(state, value),
        "instruments" => Ok(instruments(state)),
        "feeds" => Ok(feeds(state)),
        "check" => query_order::check(state, value),
        "max_order_size" => query_order::max_order_size(state, value),
        "status" => Ok(status(state)),
        other => Err(invalid(format!("unknown query {other:?}"))),
    }
}

fn id(value: &Value, field: &str) -> Result<u128, Failure> {
    value
        .as_str()
        .and_then(parse_uuid)
        .ok_or_else(|| invalid(format!("{field}: expected a UUID, got {value}")))
}
pub(crate) fn symbol(value: &Value) -> Result<Symbol, Failure> {
    let text = value
        .as_str()
        .ok_or_else(|| invalid(format!("symbol: expected a string, got {value}")))?;
    parse_symbol(text).ok_or_else(|| Failure("unknown_symbol", text.to_owned()))
}

fn account_sequence(state: &QueryState<'_>, account: u128) -> Answer {
    let account = AccountId(account);
    state
        .replica
        .engine
        .account(account)
        .ok_or_else(|| Failure::from(Refusal::UnknownAccount))?;
    Ok(json(&AccountSequenceAnswer {
        sequence: state.replica.accounts.get(account),
    }))
}

fn limits(limits: &Limits) -> AccountLimits {
    AccountLimits {
        max_order_quantity: limits.max_order_quantity.map(Decimal::from),
        max_order_notional: limits.max_order_notional.map(Decimal::from),
        max_position: limits.max_position.map(Decimal::from),
        max_open_orders: limits.max_open_orders,
        max_orders_per_second: limits.max_orders_per_second,
        max_daily_loss: limits.max_daily_loss.map(Decimal::from),
        leverage_percent: limits.leverage_percent,
    }
}

fn account(state: &QueryState<'_>, account: u128) -> Answer {
    let engine = &state.replica.engine;
    let found = engine
        .account(AccountId(account))
        .ok_or_else(|| Failure::from(Refusal::UnknownAccount))?;
    let mut positions = Vec::new();
    engine.positions(found.account, &mut positions);
    let held = positions.iter().map(|position| HeldPosition {
        symbol: position.symbol,
        quantity: position.quantity.into(),
        cost: position.cost.into(),
        mark: position.mark.map(Decimal::from),
        open_buys: position.open_buys.into(),
        open_sells: position.open_sells.into(),
    });
    Ok(json(&AccountAnswer {
        account: Account {
            id: found.account,
            kind: found.kind,
            role: found.role,
            state: found.state,
            currency: found.currency,
            cash: found.cash.into(),
            reserved: found.reserved.into(),
            equity: found.equity.into(),
            gross: found.gross.into(),
            buying_power: found.buying_power.into(),
            withdrawable: found.withdrawable.into(),
            daily_loss_baseline: found.daily_loss_baseline.into(),
            open_orders: found.open_orders,
            maintenance_margin: found.maintenance.into(),
            limits: limits(&found.limits),
        },
        positions: held.collect(),
        sequence: state.replica.accounts.get(found.account),
    }))
}

fn order(state: &QueryState<'_>, order: u128) -> Answer {
    let summary = state
        .replica
        .engine
        .order(OrderId(order))
        .ok_or_else(|| Failure::from(Refusal::OrderNotOpen))?;
    Ok(json(&OrderAnswer {
        order: OrderId(order),
        status: summary.status,
        reason: summary.reason,
        quantity: summary.quantity.into(),
        filled: summary.filled.into(),
        filled_notional: summary.filled_notional.into(),
        sequence: state.sequence,
    }))
}

fn quotes(state: &QueryState<'_>, value: &Value) -> Answer {
    let symbols = value
        .as_array()
        .ok_or_else(|| invalid(format!("quote: expected a list of symbols, got {value}")))?;
    if symbols.len() > MAX_QUOTES_PER_QUERY {
        return Err(invalid(format!(
            "quote: {} symbols, at most {MAX_QUOTES_PER_QUERY} are allowed",
            symbols.len()
        )));
    }
    let mut quotes = Vec::with_capacity(symbols.len());
    for value in symbols {
        let symbol = symbol(value)?;
        let quote = state
            .replica
            .engine
            .quote(symbol)
            .ok_or_else(|| Failure("unknown_symbol", symbol_str(&symbol).to_owned()))?;
        quotes.push(Quote {
            symbol,
            bid: quote.bid.map(|(price, _)| price.into()),
            bid_quantity: quote.bid.map(|(_, quantity)| quantity.into()),
            ask: quote.ask.map(|(price, _)| price.into()),
            ask_quantity: quote.ask.map(|(_, quantity)| quantity.into()),
            last: quote.last.map(|(price, ..)| price.into()),
            last_quantity: quote.last.map(|(_, quantity, _)| quantity.into()),
            last_at: quote.last.map(|(.., at)| at),
            halted: quote.halted,
        });
    }
    Ok(json(&QuoteAnswer {
        quotes,
        sequence: state.sequence,
        at: state.replica.timestamp,
    }))
}

fn book(state: &QueryState<'_>, value: &Value) -> Answer {
    let symbol = symbol(&value["symbol"])?;
    let depth = match &value["depth"] {
        Value::Null => DEFAULT_BOOK_LEVELS,
        depth => depth
            .as_u64()
            .filter(|&depth| depth <= MAX_BOOK_LEVELS_PER_QUERY as u64)
            .ok_or_else(|| invalid(format!("depth: expected 0 to {MAX_BOOK_LEVELS_PER_QUERY}, got {depth}")))?
            as usize,
    };
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    let read_depth = depth.max(CHECKSUM_DEPTH);
    if !state.replica.engine.book(symbol, read_depth, &mut bids, &mut asks) {
        return Err(Failure("unknown_symbol", symbol_str(&symbol).to_owned()));
    }
    let side = |levels: &[Level]| -> Vec<BookLevel> {
        levels
            .iter()
            .take(depth)
            .map(|level| (level.price.into(), level.quantity.into(), level.orders))
            .collect()
    };
    Ok(json(&BookAnswer {
        symbol,
        bids: side(&bids),
        asks: side(&asks),
        sequence: state.sequence,
        at: state.replica.timestamp,
        checksum: checksum(pairs(&bids), pairs(&asks)),
    }))
}

fn pairs(levels: &[Level]) -> impl Iterator<Item = (i64, i64)> + '_ {
    levels.iter().map(|level| (level.price, level.quantity))
}

fn instruments(state: &QueryState<'_>) -> String {
    let engine = &state.replica.engine;
    let listed = engine.instruments().iter().map(|instrument| ListedInstrument {
        symbol: instrument.symbol,
        currency: instrument.currency,
        tick: instrument.tick.into(),
        lot: instrument.lot.into(),
        band_ppm: instrument.band_ppm,
        collar_ppm: instrument.collar_ppm,
        halted: engine.quote(instrument.symbol).is_some_and(|quote| quote.halted),
    });
    json(&InstrumentsAnswer {
        instruments: listed.collect(),
        sequence: state.sequence,
    })
}

fn feeds(state: &QueryState<'_>) -> String {
    let engine = &state.replica.engine;
    let feeds = engine.feeds().map(|feed| Feed {
        feed: feed.feed,
        silence_ns: feed.silence_ns,
        alive_at: feed.last_message_at,
    });
    json(&FeedsAnswer {
        feeds: feeds.collect(),
        closed: engine.is_closed(),
        sequence: state.sequence,
        at: state.replica.timestamp,
    })
}

fn status(state: &QueryState<'_>) -> String {
    let replica = state.replica;
    json(&StatusAnswer {
        epoch: replica.epoch,
        sequence: state.sequence,
        command_sequence: replica.engine.sequence(),
        timestamp: replica.timestamp,
        rules: replica.rules,
        instruments: replica.engine.instruments().len(),
        accounts: replica.engine.accounts(),
        orders: replica.engine.open_orders(),
        journal_bytes: state.journal_bytes,
        journal_max_bytes: state.journal_max_bytes,
        pending: state.pending,
    })
}
