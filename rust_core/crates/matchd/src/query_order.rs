//! `check` and `max_order_size`: the engine's own checks on an order as a door describes it.
//!
//! Fields are those of `PlaceOrder` in snake_case. Prices and quantities: decimal strings, or integers that are nanos.
use crate::query::{decimal, money, number, symbol, Answer, No, View};
use cift_engine::{
    AccountId, Legs, OrderClass, OrderId, OrderKind, PlaceOrder, SelfTradePrevention, Side, StopLoss, TakeProfit,
    TimeInForce, Trail, MAX_QUANTITY,
};
use cift_wire::text::parse_uuid;
use serde_json::{json, Value};

fn bad(field: &str, expected: &str) -> No {
    No("invalid_query", format!("{field}: {expected} was expected"))
}

/// A decimal with at most nine places, as nanos.
fn parse_nanos(text: &str) -> Option<i64> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let plain = |t: &str| t.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || fraction.len() > 9 || !plain(whole) || !plain(fraction) || digits.ends_with('.') {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = if fraction.is_empty() {
        0
    } else {
        format!("{fraction:0<9}").parse().ok()?
    };
    whole
        .checked_mul(1_000_000_000)?
        .checked_add(fraction)?
        .checked_mul(sign)
}

fn nanos(order: &Value, field: &str) -> Result<Option<i64>, No> {
    match &order[field] {
        Value::Null => Ok(None),
        Value::String(text) => parse_nanos(text).map(Some).ok_or_else(|| bad(field, "a decimal")),
        value => value
            .as_i64()
            .map(Some)
            .ok_or_else(|| bad(field, "a decimal text or integer nanos")),
    }
}
fn flag(order: &Value, field: &str) -> Result<bool, No> {
    match &order[field] {
        Value::Null => Ok(false),
        value => value.as_bool().ok_or_else(|| bad(field, "true or false")),
    }
}
fn word<T>(order: &Value, field: &str, default: Option<T>, read: impl Fn(&str) -> Option<T>) -> Result<T, No> {
    match &order[field] {
        Value::Null => default.ok_or_else(|| bad(field, "a word")),
        value => value
            .as_str()
            .and_then(read)
            .ok_or_else(|| bad(field, "one of its words")),
    }
}

fn trail(order: &Value) -> Result<Option<Trail>, No> {
    let parts = match &order["trail"] {
        Value::Null => return Ok(None),
        Value::Array(parts) if parts.len() == 2 => parts,
        _ => return Err(bad("trail", "[\"amount\", nanos] or [\"ppm\", n]")),
    };
    let value = parts[1].as_i64();
    match (parts[0].as_str(), value) {
        (Some("amount"), Some(amount)) => Ok(Some(Trail::Amount(amount))),
        (Some("ppm"), Some(ppm)) => u32::try_from(ppm)
            .map(|p| Some(Trail::Ppm(p)))
            .map_err(|_| bad("trail", "ppm")),
        _ => Err(bad("trail", "[\"amount\", nanos] or [\"ppm\", n]")),
    }
}

fn time_in_force(order: &Value) -> Result<TimeInForce, No> {
    let plain = |text: &str| match text {
        "day" => Some(TimeInForce::Day),
        "gtc" => Some(TimeInForce::Gtc),
        "ioc" => Some(TimeInForce::Ioc),
        "fok" => Some(TimeInForce::Fok),
        _ => None,
    };
    if let Value::Array(parts) = &order["time_in_force"] {
        return match (
            parts.first().and_then(Value::as_str),
            parts.get(1).and_then(Value::as_i64),
        ) {
            (Some("gtd"), Some(time)) => Ok(TimeInForce::Gtd(time)),
            _ => Err(bad("time_in_force", "[\"gtd\", ns]")),
        };
    }
    word(order, "time_in_force", Some(TimeInForce::Day), plain)
}

// Ids that no live order has: a check makes no order.
const CHECKED: OrderId = OrderId(u128::MAX);
const CHECKED_PROFIT: OrderId = OrderId(u128::MAX - 1);
const CHECKED_LOSS: OrderId = OrderId(u128::MAX - 2);

fn class(order: &Value) -> Result<OrderClass, No> {
    let legs = |value: &Value| -> Result<Legs, No> {
        let limit = |leg: &Value| nanos(leg, "limit_price");
        let take_profit = match &value["take_profit"] {
            Value::Null => None,
            leg => Some(TakeProfit {
                order: CHECKED_PROFIT,
                limit_price: limit(leg)?.ok_or_else(|| bad("limit_price", "a decimal"))?,
            }),
        };
        let stop_loss = match &value["stop_loss"] {
            Value::Null => None,
            leg => Some(StopLoss {
                order: CHECKED_LOSS,
                stop_price: nanos(leg, "stop_price")?.ok_or_else(|| bad("stop_price", "a decimal"))?,
                limit_price: limit(leg)?,
            }),
        };
        Ok(Legs { take_profit, stop_loss })
    };
    match &order["class"] {
        Value::Null => Ok(OrderClass::Simple),
        Value::String(text) if text == "simple" => Ok(OrderClass::Simple),
        Value::Object(class) if class.contains_key("bracket") => Ok(OrderClass::Bracket(legs(&class["bracket"])?)),
        Value::Object(class) if class.contains_key("oto") => Ok(OrderClass::Oto(legs(&class["oto"])?)),
        Value::Object(class) if class.contains_key("oco") => {
            let value = &class["oco"];
            let value = if value["stop_loss"].is_null() {
                json!({"stop_loss": value})
            } else {
                value.clone()
            };
            legs(&value)?
                .stop_loss
                .map(OrderClass::Oco)
                .ok_or_else(|| bad("class", "a stop loss"))
        }
        _ => Err(bad("class", "simple, bracket, oto or oco")),
    }
}

fn place(order: &Value, quantity: Option<i64>) -> Result<PlaceOrder, No> {
    let account = order["account"]
        .as_str()
        .and_then(parse_uuid)
        .ok_or_else(|| bad("account", "a UUID"))?;
    Ok(PlaceOrder {
        account: AccountId(account),
        order: order["order"].as_str().and_then(parse_uuid).map_or(CHECKED, OrderId),
        symbol: symbol(&order["symbol"])?,
        side: word(order, "side", None, |text| match text {
            "buy" => Some(Side::Buy),
            "sell" => Some(Side::Sell),
            _ => None,
        })?,
        kind: word(order, "kind", None, |text| match text {
            "market" => Some(OrderKind::Market),
            "limit" => Some(OrderKind::Limit),
            "stop" => Some(OrderKind::Stop),
            "stop_limit" => Some(OrderKind::StopLimit),
            "trailing_stop" => Some(OrderKind::TrailingStop),
            _ => None,
        })?,
        time_in_force: time_in_force(order)?,
        quantity: match quantity {
            Some(quantity) => quantity,
            None => nanos(order, "quantity")?.ok_or_else(|| bad("quantity", "a decimal"))?,
        },
        limit_price: nanos(order, "limit_price")?,
        stop_price: nanos(order, "stop_price")?,
        trail: trail(order)?,
        display_quantity: nanos(order, "display_quantity")?,
        post_only: flag(order, "post_only")?,
        reduce_only: flag(order, "reduce_only")?,
        self_trade_prevention: word(
            order,
            "self_trade_prevention",
            Some(SelfTradePrevention::CancelNewest),
            |text| match text {
                "cancel_newest" => Some(SelfTradePrevention::CancelNewest),
                "cancel_oldest" => Some(SelfTradePrevention::CancelOldest),
                "cancel_both" => Some(SelfTradePrevention::CancelBoth),
                "none" => Some(SelfTradePrevention::None),
                _ => None,
            },
        )?,
        class: class(order)?,
        request: None,
    })
}

pub(crate) fn check(view: &View<'_>, order: &Value) -> Answer {
    let place = place(order, None)?;
    Ok(match view.replica.engine.check(view.now, &place) {
        Ok(risk) => json!({
            "admitted": true,
            "reserve": money(risk.reserve),
            "reserve_price": number(risk.reserve_price),
            "buying_power": money(risk.buying_power),
            "reference": risk.reference.map(number),
            "sequence": view.applying,
        }),
        Err(reason) => json!({"admitted": false, "reason": reason.as_str(), "sequence": view.applying}),
    })
}

pub(crate) fn max_order_size(view: &View<'_>, order: &Value) -> Answer {
    let place = place(order, Some(MAX_QUANTITY))?;
    let quantity = view.replica.engine.max_order_size(view.now, &place)?;
    Ok(json!({"quantity": decimal(quantity.into()), "sequence": view.applying}))
}

#[cfg(test)]
mod tests {
    use super::parse_nanos;

    #[test]
    fn decimals_are_read_exactly_or_not_at_all() {
        assert_eq!(parse_nanos("501.25"), Some(501_250_000_000));
        assert_eq!(parse_nanos("-0.000000001"), Some(-1));
        assert_eq!(parse_nanos("7"), Some(7_000_000_000));
        for text in [
            "",
            ".5",
            "1.",
            "1e3",
            "0.0000000001",
            "nan",
            "--1",
            "99999999999999999999",
            "1 ",
        ] {
            assert_eq!(parse_nanos(text), None, "{text}");
        }
    }
}
