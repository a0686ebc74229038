//! Values as JSON text. Prices, quantities and money are decimal strings, ids are UUIDs.
use crate::names::Named;
use crate::text::{currency_str, decimal, symbol_str, uuid_text};
use cift_engine as e;
use std::fmt::Write as _;

/// A value with one form in JSON.
pub trait Json {
    fn write(&self, out: &mut String);
}

/// Nanos that JSON shows as a decimal string: `"501.25"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal(pub i128);

impl From<i64> for Decimal {
    fn from(nanos: i64) -> Decimal {
        Decimal(nanos.into())
    }
}
impl From<i128> for Decimal {
    fn from(nanos: i128) -> Decimal {
        Decimal(nanos)
    }
}

impl<T: Json> Json for Option<T> {
    fn write(&self, out: &mut String) {
        match self {
            Some(value) => value.write(out),
            None => out.push_str("null"),
        }
    }
}

impl<T: Json> Json for Vec<T> {
    fn write(&self, out: &mut String) {
        out.push('[');
        for (at, value) in self.iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            value.write(out);
        }
        out.push(']');
    }
}

impl<A: Json, B: Json, C: Json> Json for (A, B, C) {
    fn write(&self, out: &mut String) {
        out.push('[');
        self.0.write(out);
        out.push(',');
        self.1.write(out);
        out.push(',');
        self.2.write(out);
        out.push(']');
    }
}

macro_rules! shown {
    ($($type:ty),+) => {$(
        impl Json for $type {
            fn write(&self, out: &mut String) {
                let _ = write!(out, "{self}");
            }
        }
    )+};
}
shown!(i64, u64, u32, usize, bool);

impl Json for str {
    fn write(&self, out: &mut String) {
        out.push('"');
        for c in self.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                c if c < ' ' => {
                    let _ = write!(out, "\\u{:04x}", c as u32);
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}
impl Json for &str {
    fn write(&self, out: &mut String) {
        (**self).write(out);
    }
}
impl Json for String {
    fn write(&self, out: &mut String) {
        self.as_str().write(out);
    }
}

impl Json for e::Symbol {
    fn write(&self, out: &mut String) {
        symbol_str(self).write(out);
    }
}
impl Json for e::Currency {
    fn write(&self, out: &mut String) {
        currency_str(self).write(out);
    }
}

macro_rules! texts {
    ($($type:ty: $text:expr;)+) => {$(
        impl Json for $type {
            fn write(&self, out: &mut String) {
                out.push('"');
                let text: fn(&$type, &mut String) = $text;
                text(self, out);
                out.push('"');
            }
        }
    )+};
}
// None of these texts holds a character that JSON escapes.
texts! {
    Decimal: |nanos, out| out.push_str(&decimal(nanos.0));
    e::AccountId: |id, out| out.push_str(&uuid_text(id.0));
    e::OrderId: |id, out| out.push_str(&uuid_text(id.0));
    e::AccountKind: |value, out| out.push_str(value.name());
    e::AccountRole: |value, out| out.push_str(value.name());
    e::AccountState: |value, out| out.push_str(value.name());
    e::OrderStatus: |value, out| out.push_str(value.as_str());
    e::CloseReason: |value, out| out.push_str(value.as_str());
    e::Refusal: |value, out| out.push_str(value.as_str());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped() {
        let mut out = String::new();
        vec!["a\"b\\c\nd", "ä"].write(&mut out);
        assert_eq!(out, "[\"a\\\"b\\\\c\\u000ad\",\"ä\"]");
    }

    #[test]
    fn absent_values_are_null() {
        let mut out = String::new();
        (Some(Decimal(-1_500_000_000)), None::<u64>, true).write(&mut out);
        assert_eq!(out, "[\"-1.5\",null,true]");
    }
}
