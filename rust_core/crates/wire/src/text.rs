//! Symbols, currencies and ids as text.
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
    if bytes.is_empty() || bytes.len() > 16 || !bytes.iter().all(ok) {
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

/// A UUID in its usual lower-case form.
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
