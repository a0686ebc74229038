//! Queries on `engine.<shard>.query`: JSON in, JSON out. The answers are the structs of `cift_wire::query`.
//!
//! An answer is made from the state in memory, and sent after the record that it saw is acknowledged.
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

/// The state that a query can see.
pub struct View<'a> {
    pub replica: &'a Replica,
    /// Sequence of the record that the state belongs to.
    pub applying: u64,
    pub now: i64,
    pub journal_bytes: u64,
    pub journal_max_bytes: u64,
    pub pending: usize,
}

/// Why a query has no answer: code and text.
pub(crate) struct No(pub &'static str, pub String);
/// The answer as JSON.
pub(crate) type Answer = Result<String, No>;
impl From<Refusal> for No {
    fn from(refusal: Refusal) -> No {
        No(refusal.as_str(), String::new())
    }
}

pub(crate) fn json(answer: &impl Json) -> String {
    let mut text = String::new();
    answer.write(&mut text);
    text
}

/// Answers one query; always valid JSON.
pub fn answer(view: &View<'_>, query: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Value>(query) {
        Ok(Value::Object(query)) => dispatch(view, &query),
        _ => Err(No("invalid_query", "a JSON object was expected".into())),
    };
    let text = answer.unwrap_or_else(|No(error, text)| {
        json(&QueryError {
            error,
            message: if text.is_empty() {
                error.replace('_', " ")
            } else {
                text.clone()
            },
            symbol: (error == "unknown_symbol").then_some(text),
        })
    });
    text.into_bytes()
}

fn dispatch(view: &View<'_>, query: &Map<String, Value>) -> Answer {
    let Some((name, value)) = query.iter().next().filter(|_| query.len() == 1) else {
        return Err(No(
            "invalid_query",
            format!("exactly one key was expected, got {}", query.len()),
        ));
    };
    match name.as_str() {
        "account" => account(view, id(value, "account")?),
        "account_sequence" => account_sequence(view, id(value, "account")?),
        "order" => order(view, id(value, "order")?),
        "quote" => quotes(view, value),
        "book" => book(view, value),
        "instruments" => Ok(instruments(view)),
        "feeds" => Ok(feeds(view)),
        "check" => query_order::check(view, value),
        "max_order_size" => query_order::max_order_size(view, value),
        "status" => Ok(status(view)),
        other => Err(No("invalid_query", format!("there is no query {other:?}"))),
    }
}

fn id(value: &Value, what: &str) -> Result<u128, No> {
    value
        .as_str()
        .and_then(parse_uuid)
        .ok_or_else(|| No("invalid_query", format!("{what}: a UUID was expected")))
}
pub(crate) fn symbol(value: &Value) -> Result<Symbol, No> {
    let text = value
        .as_str()
        .ok_or_else(|| No("invalid_query", "symbol: a text was expected".into()))?;
    parse_symbol(text).ok_or_else(|| No("unknown_symbol", text.to_owned()))
}

fn account_sequence(view: &View<'_>, account: u128) -> Answer {
    let account = AccountId(account);
    view.replica
        .engine
        .account(account)
        .ok_or_else(|| No::from(Refusal::UnknownAccount))?;
    Ok(json(&AccountSequenceAnswer {
        sequence: view.replica.accounts.of(account),
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

fn account(view: &View<'_>, account: u128) -> Answer {
    let engine = &view.replica.engine;
    let found = engine
        .account(AccountId(account))
        .ok_or_else(|| No::from(Refusal::UnknownAccount))?;
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
            limits: limits(&found.limits),
        },
        positions: held.collect(),
        sequence: view.replica.accounts.of(found.account),
    }))
}

fn order(view: &View<'_>, order: u128) -> Answer {
    let summary = view
        .replica
        .engine
        .order(OrderId(order))
        .ok_or_else(|| No::from(Refusal::OrderNotOpen))?;
    Ok(json(&OrderAnswer {
        order: OrderId(order),
        status: summary.status,
        reason: summary.reason,
        quantity: summary.quantity.into(),
        filled: summary.filled.into(),
        filled_notional: summary.filled_notional.into(),
        sequence: view.applying,
    }))
}

fn quotes(view: &View<'_>, value: &Value) -> Answer {
    let symbols = value
        .as_array()
        .ok_or_else(|| No("invalid_query", "quote: a list of symbols was expected".into()))?;
    if symbols.len() > MAX_QUOTES_PER_QUERY {
        return Err(No(
            "invalid_query",
            format!("quote: {} symbols, at most {MAX_QUOTES_PER_QUERY}", symbols.len()),
        ));
    }
    let mut quotes = Vec::with_capacity(symbols.len());
    for value in symbols {
        let symbol = symbol(value)?;
        let quote = view
            .replica
            .engine
            .quote(symbol)
            .ok_or_else(|| No("unknown_symbol", symbol_str(&symbol).to_owned()))?;
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
        sequence: view.applying,
        at: view.replica.timestamp,
    }))
}

fn book(view: &View<'_>, value: &Value) -> Answer {
    let symbol = symbol(&value["symbol"])?;
    let depth = match &value["depth"] {
        Value::Null => DEFAULT_BOOK_LEVELS,
        depth => depth
            .as_u64()
            .filter(|&depth| depth <= MAX_BOOK_LEVELS_PER_QUERY as u64)
            .ok_or_else(|| No("invalid_query", format!("depth: 0 to {MAX_BOOK_LEVELS_PER_QUERY}")))?
            as usize,
    };
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    let seen = depth.max(CHECKSUM_DEPTH);
    if !view.replica.engine.book(symbol, seen, &mut bids, &mut asks) {
        return Err(No("unknown_symbol", symbol_str(&symbol).to_owned()));
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
        sequence: view.applying,
        at: view.replica.timestamp,
        checksum: checksum(pairs(&bids), pairs(&asks)),
    }))
}

fn pairs(levels: &[Level]) -> impl Iterator<Item = (i64, i64)> + '_ {
    levels.iter().map(|level| (level.price, level.quantity))
}

fn instruments(view: &View<'_>) -> String {
    let engine = &view.replica.engine;
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
        sequence: view.applying,
    })
}

fn feeds(view: &View<'_>) -> String {
    let engine = &view.replica.engine;
    let feeds = engine.feeds().map(|feed| Feed {
        feed: feed.feed,
        silence_ns: feed.silence_ns,
        alive_at: feed.last_message_at,
    });
    json(&FeedsAnswer {
        feeds: feeds.collect(),
        closed: engine.is_closed(),
        sequence: view.applying,
        at: view.replica.timestamp,
    })
}

fn status(view: &View<'_>) -> String {
    let replica = view.replica;
    json(&StatusAnswer {
        epoch: replica.epoch,
        sequence: view.applying,
        command_sequence: replica.engine.sequence(),
        timestamp: replica.timestamp,
        rules: replica.rules,
        instruments: replica.engine.instruments().len(),
        accounts: replica.engine.accounts(),
        orders: replica.engine.open_orders(),
        journal_bytes: view.journal_bytes,
        journal_max_bytes: view.journal_max_bytes,
        pending: view.pending,
    })
}
