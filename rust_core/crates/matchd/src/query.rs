//! Questions on `engine.<shard>.query`: JSON in, JSON out. Prices, quantities and money are decimal strings.
//!
//! Answers are made from the memory of the moment and sent after the record that they saw is acknowledged.
use crate::checksum::{checksum, CHECKSUM_DEPTH};
use crate::query_order;
use crate::replica::Replica;
use cift_engine::{AccountId, AccountKind, AccountRole, AccountState, Limits, OrderId, Refusal, Symbol};
use cift_wire::text::{currency_str, parse_symbol, parse_uuid, symbol_str, uuid_text};
use serde_json::{json, Map, Value};

/// Symbols in one `quote` question.
const MAX_QUOTES: usize = 500;
/// Levels a side in one `book` question.
const MAX_DEPTH: usize = 1_000;
const NANOS: u128 = 1_000_000_000;

/// What a question can see.
pub struct View<'a> {
    pub replica: &'a Replica,
    /// Sequence of the record that the state belongs to.
    pub applying: u64,
    pub now: i64,
    pub journal_bytes: u64,
    pub journal_max_bytes: u64,
    pub pending: usize,
}

/// A refusal to answer: code and text.
pub(crate) struct No(pub &'static str, pub String);
pub(crate) type Answer = Result<Value, No>;
impl From<Refusal> for No {
    fn from(refusal: Refusal) -> No {
        No(refusal.as_str(), String::new())
    }
}

/// Nanos as the shortest exact decimal.
pub fn decimal(nanos: i128) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = size % NANOS;
    if fraction == 0 {
        return format!("{sign}{}", size / NANOS);
    }
    let digits = format!("{fraction:09}");
    format!("{sign}{}.{}", size / NANOS, digits.trim_end_matches('0'))
}
pub(crate) fn money(nanos: i128) -> Value {
    Value::String(decimal(nanos))
}
pub(crate) fn number(nanos: i64) -> Value {
    money(nanos.into())
}

/// Answers one question; always valid JSON.
pub fn answer(view: &View<'_>, question: &[u8]) -> Vec<u8> {
    let answer = match serde_json::from_slice::<Value>(question) {
        Ok(Value::Object(question)) => ask(view, &question),
        _ => Err(No("invalid_query", "a JSON object was expected".into())),
    };
    let value = answer.unwrap_or_else(|No(code, text)| {
        let text = if text.is_empty() { code.replace('_', " ") } else { text };
        let mut error = json!({"error": code, "message": text});
        if code == "unknown_symbol" {
            error["symbol"] = json!(text);
        }
        error
    });
    value.to_string().into_bytes()
}

fn ask(view: &View<'_>, question: &Map<String, Value>) -> Answer {
    let Some((kind, what)) = question.iter().next().filter(|_| question.len() == 1) else {
        return Err(No("invalid_query", "exactly one question was expected".into()));
    };
    match kind.as_str() {
        "account" => account(view, id(what, "account")?),
        "account_sequence" => account_sequence(view, id(what, "account")?),
        "order" => order(view, id(what, "order")?),
        "quote" => quotes(view, what),
        "book" => book(view, what),
        "instruments" => Ok(instruments(view)),
        "feeds" => Ok(feeds(view)),
        "check" => query_order::check(view, what),
        "max_order_size" => query_order::max_order_size(view, what),
        "status" => Ok(status(view)),
        other => Err(No("invalid_query", format!("no question {other:?}"))),
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
    Ok(json!({"sequence": view.replica.accounts.of(account)}))
}

fn limits(limits: &Limits) -> Value {
    json!({
        "max_order_quantity": limits.max_order_quantity.map(number),
        "max_order_notional": limits.max_order_notional.map(money),
        "max_position": limits.max_position.map(number),
        "max_open_orders": limits.max_open_orders,
        "max_orders_per_second": limits.max_orders_per_second,
        "max_daily_loss": limits.max_daily_loss.map(money),
        "leverage_percent": limits.leverage_percent,
    })
}

fn account(view: &View<'_>, account: u128) -> Answer {
    let engine = &view.replica.engine;
    let found = engine
        .account(AccountId(account))
        .ok_or_else(|| No::from(Refusal::UnknownAccount))?;
    let mut positions = Vec::new();
    engine.positions(found.account, &mut positions);
    let kind = match found.kind {
        AccountKind::Cash => "cash",
        AccountKind::Margin => "margin",
    };
    let role = match found.role {
        AccountRole::Customer => "customer",
        AccountRole::House => "house",
    };
    let state = match found.state {
        AccountState::Active => "active",
        AccountState::ReduceOnly => "reduce_only",
        AccountState::Suspended => "suspended",
        AccountState::Closed => "closed",
    };
    let positions: Vec<Value> = positions
        .iter()
        .map(|p| {
            json!({
                "symbol": symbol_str(&p.symbol),
                "quantity": number(p.quantity),
                "cost": money(p.cost),
                "mark": p.mark.map(number),
                "open_buys": number(p.open_buys),
                "open_sells": number(p.open_sells),
            })
        })
        .collect();
    Ok(json!({
        "account": {
            "id": uuid_text(account), "kind": kind, "role": role, "state": state,
            "currency": currency_str(&found.currency), "cash": money(found.cash), "reserved": money(found.reserved),
            "equity": money(found.equity), "gross": money(found.gross), "buying_power": money(found.buying_power),
            "withdrawable": money(found.withdrawable), "daily_loss_baseline": money(found.daily_loss_baseline),
            "open_orders": found.open_orders, "limits": limits(&found.limits),
        },
        "positions": positions,
        "sequence": view.replica.accounts.of(found.account),
    }))
}

fn order(view: &View<'_>, order: u128) -> Answer {
    let summary = view
        .replica
        .engine
        .order(OrderId(order))
        .ok_or_else(|| No::from(Refusal::OrderNotOpen))?;
    Ok(json!({
        "order": uuid_text(order),
        "status": summary.status.as_str(),
        "reason": summary.reason.map(|r| r.as_str()),
        "quantity": number(summary.quantity),
        "filled": number(summary.filled),
        "filled_notional": money(summary.filled_notional),
        "sequence": view.applying,
    }))
}

fn quotes(view: &View<'_>, what: &Value) -> Answer {
    let symbols = what
        .as_array()
        .ok_or_else(|| No("invalid_query", "quote: a list of symbols was expected".into()))?;
    if symbols.len() > MAX_QUOTES {
        return Err(No("invalid_query", format!("quote: at most {MAX_QUOTES} symbols")));
    }
    let mut quotes = Vec::with_capacity(symbols.len());
    for value in symbols {
        let symbol = symbol(value)?;
        let quote = view
            .replica
            .engine
            .quote(symbol)
            .ok_or_else(|| No("unknown_symbol", symbol_str(&symbol).to_owned()))?;
        quotes.push(json!({
            "symbol": symbol_str(&symbol),
            "bid": quote.bid.map(|(price, _)| number(price)),
            "bid_quantity": quote.bid.map(|(_, quantity)| number(quantity)),
            "ask": quote.ask.map(|(price, _)| number(price)),
            "ask_quantity": quote.ask.map(|(_, quantity)| number(quantity)),
            "last": quote.last.map(|(price, ..)| number(price)),
            "last_quantity": quote.last.map(|(_, quantity, _)| number(quantity)),
            "last_at": quote.last.map(|(.., at)| at),
            "halted": quote.halted,
        }));
    }
    Ok(json!({"quotes": quotes, "sequence": view.applying, "at": view.replica.timestamp}))
}

fn book(view: &View<'_>, what: &Value) -> Answer {
    let symbol = symbol(&what["symbol"])?;
    let depth = match &what["depth"] {
        Value::Null => 10,
        depth => depth
            .as_u64()
            .filter(|&d| d <= MAX_DEPTH as u64)
            .ok_or_else(|| No("invalid_query", format!("depth: 0 to {MAX_DEPTH}")))? as usize,
    };
    let (mut bids, mut asks) = (Vec::new(), Vec::new());
    let seen = depth.max(CHECKSUM_DEPTH);
    if !view.replica.engine.book(symbol, seen, &mut bids, &mut asks) {
        return Err(No("unknown_symbol", symbol_str(&symbol).to_owned()));
    }
    let side = |levels: &[cift_engine::Level]| -> Vec<Value> {
        levels
            .iter()
            .take(depth)
            .map(|l| json!([number(l.price), number(l.quantity), l.orders]))
            .collect()
    };
    Ok(json!({
        "symbol": symbol_str(&symbol), "bids": side(&bids), "asks": side(&asks), "sequence": view.applying,
        "at": view.replica.timestamp, "checksum": checksum(pairs(&bids), pairs(&asks)),
    }))
}

fn pairs(levels: &[cift_engine::Level]) -> impl Iterator<Item = (i64, i64)> + '_ {
    levels.iter().map(|l| (l.price, l.quantity))
}

fn instruments(view: &View<'_>) -> Value {
    let engine = &view.replica.engine;
    let instruments: Vec<Value> = engine
        .instruments()
        .iter()
        .map(|i| {
            json!({
                "symbol": symbol_str(&i.symbol),
                "currency": currency_str(&i.currency),
                "tick": number(i.tick),
                "lot": number(i.lot),
                "band_ppm": i.band_ppm,
                "collar_ppm": i.collar_ppm,
                "halted": engine.quote(i.symbol).is_some_and(|q| q.halted),
            })
        })
        .collect();
    json!({"instruments": instruments, "sequence": view.applying})
}

fn feeds(view: &View<'_>) -> Value {
    let engine = &view.replica.engine;
    let feeds: Vec<Value> = engine
        .feeds()
        .map(|f| json!({"feed": f.feed, "silence_ns": f.silence_ns, "alive_at": f.last_message_at}))
        .collect();
    json!({"feeds": feeds, "closed": engine.is_closed(), "sequence": view.applying, "at": view.replica.timestamp})
}

fn status(view: &View<'_>) -> Value {
    let replica = view.replica;
    json!({
        "epoch": replica.epoch,
        "sequence": view.applying,
        "command_sequence": replica.engine.sequence(),
        "timestamp": replica.timestamp,
        "rules": replica.rules,
        "instruments": replica.engine.instruments().len(),
        "accounts": replica.engine.accounts(),
        "orders": replica.engine.open_orders(),
        "journal_bytes": view.journal_bytes,
        "journal_max_bytes": view.journal_max_bytes,
        "pending": view.pending,
    })
}

#[cfg(test)]
mod tests {
    use super::decimal;

    #[test]
    fn decimals_are_exact_and_short() {
        for (nanos, text) in [
            (0, "0"),
            (1, "0.000000001"),
            (-1, "-0.000000001"),
            (1_000_000_000, "1"),
            (501_250_000_000, "501.25"),
            (-100_000_000_000_000, "-100000"),
            (i128::MAX, "170141183460469231731687303715.884105727"),
        ] {
            assert_eq!(decimal(nanos), text);
        }
    }
}
