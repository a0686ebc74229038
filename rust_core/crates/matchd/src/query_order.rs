//! The queries `check` and `max_order_size`: the engine's checks on an order without placing it.
//!
//! The fields are those of the command `place_order`; others are ignored. Prices and quantities are decimal
//! strings, or integers in nanos.
use crate::query::{invalid, json, symbol, Answer, Failure, QueryState};
use cift_engine::{
    AccountId, Legs, OrderClass, OrderId, PlaceOrder, SelfTradePrevention, StopLoss, TakeProfit, TimeInForce, Trail,
    MAX_QUANTITY,
};
use cift_wire::query::{CheckAdmitted, CheckRefused, False, MaxOrderSizeAnswer, True};
use cift_wire::text::parse_uuid;
use cift_wire::{Decimal, Named};
use serde_json::Value;

fn unexpected(field: &str, expected: &str) -> Failure {
    invalid(format!("{field}: expected {expected}"))
}

/// Parses a decimal with at most nine decimal places into nanos.
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

fn nanos(order: &Value, field: &str) -> Result<Option<i64>, Failure> {
    match &order[field] {
        Value::Null => Ok(None),
        Value::String(text) => parse_nanos(text).map(Some).ok_or_else(|| {
            unexpected(
                field,
                &format!("a decimal with at most nine decimal places, got {text:?}"),
            )
        }),
        value => value
            .as_i64()
            .map(Some)
            .ok_or_else(|| unexpected(field, &format!("a decimal string or integer nanos, got {value}"))),
    }
}
fn flag(order: &Value, field: &str) -> Result<bool, Failure> {
    match &order[field] {
        Value::Null => Ok(false),
        value => value
            .as_bool()
            .ok_or_else(|| unexpected(field, &format!("true or false, got {value}"))),
    }
}
fn named<T: Named>(order: &Value, field: &str, default: Option<T>) -> Result<T, Failure> {
    let found = match &order[field] {
        Value::Null => default,
        value => value.as_str().and_then(T::from_name),
    };
    found.ok_or_else(|| {
        let names: Vec<&str> = T::ALL.iter().map(|value| value.name()).collect();
        unexpected(field, &format!("one of {}, got {}", names.join(", "), order[field]))
    })
}

fn trail(order: &Value) -> Result<Option<Trail>, Failure> {
    let expected = || unexpected("trail", "[\"amount\", nanos] or [\"ppm\", n]");
    let parts = match &order["trail"] {
        Value::Null => return Ok(None),
        Value::Array(parts) if parts.len() == 2 => parts,
        _ => return Err(expected()),
    };
    let value = parts[1].as_i64();
    match (parts[0].as_str(), value) {
        (Some("amount"), Some(amount)) => Ok(Some(Trail::Amount(amount))),
        (Some("ppm"), Some(ppm)) => u32::try_from(ppm)
            .map(|p| Some(Trail::Ppm(p)))
            .map_err(|_| unexpected("trail", &format!("ppm of 0 to {}, got {ppm}", u32::MAX))),
        _ => Err(expected()),
    }
}

fn time_in_force(order: &Value) -> Result<TimeInForce, Failure> {
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
    .ok_or_else(|| {
        let got = &order["time_in_force"];
        unexpected(
            "time_in_force",
            &format!("day, gtc, ioc, fok or [\"gtd\", ns], got {got}"),
        )
    })
}

// Ids that no open order has. A check creates no order.
const CHECKED: OrderId = OrderId(u128::MAX);
const CHECKED_PROFIT: OrderId = OrderId(u128::MAX - 1);
const CHECKED_LOSS: OrderId = OrderId(u128::MAX - 2);

fn class(order: &Value) -> Result<OrderClass, Failure> {
    let stop_loss = |leg: &Value| -> Result<StopLoss, Failure> {
        Ok(StopLoss {
            order: CHECKED_LOSS,
            stop_price: nanos(leg, "stop_price")?.ok_or_else(|| unexpected("stop_price", "a decimal"))?,
            limit_price: nanos(leg, "limit_price")?,
        })
    };
    let legs = |value: &Value| -> Result<Legs, Failure> {
        let take_profit = match &value["take_profit"] {
            Value::Null => None,
            leg => Some(TakeProfit {
                order: CHECKED_PROFIT,
                limit_price: nanos(leg, "limit_price")?.ok_or_else(|| unexpected("limit_price", "a decimal"))?,
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
            // Either the stop loss itself, or an object of legs that contains it.
            let loss = match &value["stop_loss"] {
                Value::Null => value,
                loss => loss,
            };
            Ok(OrderClass::Oco(stop_loss(loss)?))
        }
        _ => Err(unexpected("class", "simple, bracket, oto or oco")),
    }
}

fn place(order: &Value, quantity: Option<i64>) -> Result<PlaceOrder, Failure> {
    let account = order["account"]
        .as_str()
        .and_then(parse_uuid)
        .ok_or_else(|| unexpected("account", "a UUID"))?;
    Ok(PlaceOrder {
        account: AccountId(account),
        order: order["order"].as_str().and_then(parse_uuid).map_or(CHECKED, OrderId),
        symbol: symbol(&order["symbol"])?,
        side: named(order, "side", None)?,
        kind: named(order, "kind", None)?,
        time_in_force: time_in_force(order)?,
        quantity: match quantity {
            Some(quantity) => quantity,
            None => nanos(order, "quantity")?.ok_or_else(|| unexpected("quantity", "a decimal"))?,
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

/// Whether the engine would accept the order now, and what it would reserve.
pub(crate) fn check(state: &QueryState<'_>, order: &Value) -> Answer {
    let place = place(order, None)?;
    Ok(match state.replica.engine.check(state.now, &place) {
        Ok(risk) => json(&CheckAdmitted {
            admitted: True,
            reserve: risk.reserve.into(),
            reserve_price: risk.reserve_price.into(),
            buying_power: risk.buying_power.into(),
            reference: risk.reference.map(Decimal::from),
            sequence: state.sequence,
        }),
        Err(reason) => json(&CheckRefused {
            admitted: False,
            reason,
            sequence: state.sequence,
        }),
    })
}

/// The largest quantity of the order that the engine would accept now.
pub(crate) fn max_order_size(state: &QueryState<'_>, order: &Value) -> Answer {
    let place = place(order, Some(MAX_QUANTITY))?;
    let quantity = state.replica.engine.max_order_size(state.now, &place)?;
    Ok(json(&MaxOrderSizeAnswer {
        quantity: quantity.into(),
        sequence: state.sequence,
    }))
}

#[cfg(test)]
mod tests {
    use super::parse_nanos;

    #[test]
    fn only_exact_decimals_are_parsed() {
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
