//! The checksum of a book, in the form of Kraken's WebSocket API (v2, channel "book").
//!
//! It is the CRC-32 (ISO-HDLC) over the best ten asks, then the best ten bids. Each level contributes the
//! decimal digits of its price and its quantity, without the point and without leading zeros.
//! `docs/book-protocol.md` describes it for clients; `cift/streams/book.py` computes the same in Python.
use cift_engine::{Price, Quantity};
use crc32fast::Hasher;

pub use cift_wire::limits::CHECKSUM_DEPTH;

/// Decimal places of a number in nanos.
const DECIMALS: u32 = 9;

/// The checksum of the levels, best level first. Prices and quantities are positive nanos.
pub fn checksum(
    bids: impl IntoIterator<Item = (Price, Quantity)>,
    asks: impl IntoIterator<Item = (Price, Quantity)>,
) -> u32 {
    let mut hasher = Hasher::new();
    for (price, quantity) in asks.into_iter().take(CHECKSUM_DEPTH) {
        put(&mut hasher, price);
        put(&mut hasher, quantity);
    }
    for (price, quantity) in bids.into_iter().take(CHECKSUM_DEPTH) {
        put(&mut hasher, price);
        put(&mut hasher, quantity);
    }
    hasher.finalize()
}

/// Hashes the digits of the shortest decimal: the nanos without the trailing zeros of the fraction.
fn put(hasher: &mut Hasher, nanos: i64) {
    debug_assert!(nanos > 0, "a visible level has a price and a quantity");
    let mut number = nanos.unsigned_abs();
    for _ in 0..DECIMALS {
        if number % 10 != 0 || number == 0 {
            break;
        }
        number /= 10;
    }
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    hasher.update(&digits[at..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use cift_wire::text::decimal;

    fn reference_checksum(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> u32 {
        let digits = |nanos: i64| {
            decimal(nanos.into())
                .replace('.', "")
                .trim_start_matches('0')
                .to_owned()
        };
        let side = |levels: &[(i64, i64)]| -> String {
            let best = levels.iter().take(CHECKSUM_DEPTH);
            best.map(|&(p, q)| digits(p) + &digits(q)).collect()
        };
        crc32fast::hash((side(asks) + &side(bids)).as_bytes())
    }

    #[test]
    fn the_checksum_is_the_crc_of_the_decimal_digits() {
        let bids = [(449_310_000_000, 10_000_000_000), (449_300_000_000, 1), (100, i64::MAX)];
        let asks = [(450_000_000_000, 500_000_000), (1_000_000_000_000, 50_000_000)];
        assert_eq!(checksum(bids, asks), reference_checksum(&bids, &asks));
        assert_eq!(checksum([], []), 0);
        // The example in `docs/book-protocol.md`.
        assert_eq!(checksum([bids[0]], [asks[0]]), crc32fast::hash(b"45054493110"));
    }

    #[test]
    fn only_the_best_ten_count() {
        let many: Vec<(i64, i64)> = (1..=12).map(|n| (n * 1_000_000_000, n)).collect();
        assert_eq!(checksum(many.clone(), []), reference_checksum(&many, &[]));
        assert_eq!(checksum(many[..10].to_vec(), []), checksum(many, []));
    }
}
