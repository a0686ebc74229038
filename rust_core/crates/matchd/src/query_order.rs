//! `check` and `max_order_size`: the engine's own checks on an order that is not placed.
//!
//! Fields are those of the command `place_order`; others are ignored. Prices and quantities: decimal strings, or integers that are nanos.
use crate::query::{json, symbol, Answer, No, View};
use cift_engine::{
    AccountId, Legs, OrderClass, OrderId, PlaceOrder, SelfTradePrevention, StopLoss, TakeProfit, TimeInForce, Trail,
    MAX_QUANTITY,
};
use cift_wire::query::{CheckAdmitted, CheckRefused, False, MaxOrderSizeAnswer, True};
use cift_wire::text::parse_uuid;
use cift_wire::{Decimal, Named};
use serde_json::Value;

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
fn named<T: Named>(order: &Value, field: &str, default: Option<T>) -> Result<T, No> {
    let found = match &order[field] {
        Value::Null => default,
        value => value.as_str().and_then(T::from_name),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = T::ALL.iter().map(|value| value.name()).collect();
        bad(field, &format!("one of {}", names.join(", ")))
    })
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
    match &order["time_in_force"] {
        Value::Null => Some(TimeInForce::Day),
        Value::String(name) => match name.as_str() {
            "day" => Some(TimeInForce::Day),
            "gtc" => Some(TimeInForce::Gtc),
            "ioc" => Some(TimeInForce::Ioc),
            "fok" => Some(TimeInForce::Fok),
            _ => None,
        },
        value => match (value[0].as_str(), value[1].as_i64()) {
            (Some("gtd"), Some(time)) => Some(TimeInForce::Gtd(time)),
            _ => None,
        },
    }
    .ok_or_else(|| bad("time_in_force", "day, gtc, ioc, fok or [\"gtd\", ns]"))
}

// Ids that no live order has: a check makes no order.
const CHECKED: OrderId = OrderId(u128::MAX);
const CHECKED_PROFIT: OrderId = OrderId(u128::MAX - 1);
const CHECKED_LOSS: OrderId = OrderId(u128::MAX - 2);

fn class(order: &Value) -> Result<OrderClass, No> {
    let stop_loss = |leg: &Value| -> Result<StopLoss, No> {
        Ok(StopLoss {
            order: CHECKED_LOSS,
            stop_price: nanos(leg, "stop_price")?.ok_or_else(|| bad("stop_price", "a decimal"))?,
            limit_price: nanos(leg, "limit_price")?,
        })
    };
    let legs = |value: &Value| -> Result<Legs, No> {
        let take_profit = match &value["take_profit"] {
            Value::Null => None,
            leg => Some(TakeProfit {
                order: CHECKED_PROFIT,
                limit_price: nanos(leg, "limit_price")?.ok_or_else(|| bad("limit_price", "a decimal"))?,
            }),
        };
        let stop_loss = match &value["stop_loss"] {
            Value::Null => None,
            leg => Some(stop_loss(leg)?),
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
            // The stop loss itself, or a dict of legs that holds it.
            let loss = match &value["stop_loss"] {
                Value::Null => value,
                loss => loss,
            };
            Ok(OrderClass::Oco(stop_loss(loss)?))
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
        side: named(order, "side", None)?,
        kind: named(order, "kind", None)?,
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
        self_trade_prevention: named(order, "self_trade_prevention", Some(SelfTradePrevention::CancelNewest))?,
        class: class(order)?,
        request: None,
    })
}

pub(crate) fn check(view: &View<'_>, order: &Value) -> Answer {
    let place = place(order, None)?;
    Ok(match view.replica.engine.check(view.now, &place) {
        Ok(risk) => json(&CheckAdmitted {
            admitted: True,
            reserve: risk.reserve.into(),
            reserve_price: risk.reserve_price.into(),
            buying_power: risk.buying_power.into(),
            reference: risk.reference.map(Decimal::from),
            sequence: view.applying,
        }),
        Err(reason) => json(&CheckRefused {
            admitted: False,
            reason,
            sequence: view.applying,
        }),
    })
}

pub(crate) fn max_order_size(view: &View<'_>, order: &Value) -> Answer {
    let place = place(order, Some(MAX_QUANTITY))?;
    let quantity = view.replica.engine.max_order_size(view.now, &place)?;
    Ok(json(&MaxOrderSizeAnswer {
        quantity: quantity.into(),
        sequence: view.applying,
    }))
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
