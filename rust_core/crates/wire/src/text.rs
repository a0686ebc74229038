//! Symbols, currencies and ids as text.
use crate::limits::MAX_SYMBOL_BYTES;
use cift_engine::{Currency, Symbol};

/// The symbol without its padding. Symbols are ASCII by construction; anything else is shown as `?`.
pub fn symbol_str(symbol: &Symbol) -> &str {
    padded(&symbol.0)
}
/// The currency without its padding.
pub fn currency_str(currency: &Currency) -> &str {
    padded(&currency.0)
}
fn padded(bytes: &[u8]) -> &str {
    let end = bytes.iter().position(|&b| b == 0).unwrap_or(bytes.len());
    std::str::from_utf8(&bytes[..end]).unwrap_or("?")
}

/// 1..=16 bytes of `A–Z 0–9 . - /`; `None` otherwise.
pub fn parse_symbol(text: &str) -> Option<Symbol> {
    let ok = |b: &u8| b.is_ascii_uppercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'/');
    let mut symbol = [0; 16];
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > MAX_SYMBOL_BYTES || !bytes.iter().all(ok) {
        return None;
    }
    symbol[..bytes.len()].copy_from_slice(bytes);
    Some(Symbol(symbol))
}
/// 1..=8 bytes of `A–Z 0–9`; `None` otherwise.
pub fn parse_currency(text: &str) -> Option<Currency> {
    let mut currency = [0; 8];
    let bytes = text.as_bytes();
    if bytes.is_empty() || bytes.len() > 8 || !bytes.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit()) {
        return None;
    }
    currency[..bytes.len()].copy_from_slice(bytes);
    Some(Currency(currency))
}

/// Nanos as the shortest exact decimal.
pub fn decimal(nanos: i128) -> String {
    const NANOS: u128 = 1_000_000_000;
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let fraction = size % NANOS;
    if fraction == 0 {
        return format!("{sign}{}", size / NANOS);
    }
    let digits = format!("{fraction:09}");
    format!("{sign}{}.{}", size / NANOS, digits.trim_end_matches('0'))
}

/// A UUID in lower case, with dashes.
pub fn uuid_text(id: u128) -> String {
    let h = format!("{id:032x}");
    format!("{}-{}-{}-{}-{}", &h[..8], &h[8..12], &h[12..16], &h[16..20], &h[20..])
}
/// Reads a UUID with or without dashes.
pub fn parse_uuid(text: &str) -> Option<u128> {
    let mut value: u128 = 0;
    let mut digits = 0;
    for (i, c) in text.bytes().enumerate() {
        if c == b'-' {
            if text.len() != 36 || !matches!(i, 8 | 13 | 18 | 23) {
                return None;
            }
            continue;
        }
        let digit = (c as char).to_digit(16)?;
        value = value << 4 | u128::from(digit);
        digits += 1;
    }
    (digits == 32 && matches!(text.len(), 32 | 36)).then_some(value)
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
