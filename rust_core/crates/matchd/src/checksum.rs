//! The checksum of a book, in the form of Kraken's WebSocket API (v2, channel "book"): CRC-32 (ISO-HDLC) over the best
//! ten asks, then the best ten bids, each its price and its quantity as they are written, without the point and without
//! leading zeros. `docs/book-protocol.md` says it for those who keep a book; `cift/streams/book.py` is its twin.
use cift_engine::{Price, Quantity};
use crc32fast::Hasher;

pub use cift_wire::limits::CHECKSUM_DEPTH;

/// Decimals of a nano.
const DECIMALS: u32 = 9;

/// Best first. Prices and quantities above zero.
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

/// The digits of the shortest decimal: of the nanos, without what would be zeros at the end of the fraction.
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

    fn slowly(bids: &[(i64, i64)], asks: &[(i64, i64)]) -> u32 {
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
    fn it_is_the_crc_of_the_numbers_as_they_are_written() {
        let bids = [(449_310_000_000, 10_000_000_000), (449_300_000_000, 1), (100, i64::MAX)];
        let asks = [(450_000_000_000, 500_000_000), (1_000_000_000_000, 50_000_000)];
        assert_eq!(checksum(bids, asks), slowly(&bids, &asks));
        assert_eq!(checksum([], []), 0);
        // The numbers of the protocol's page.
        assert_eq!(checksum([bids[0]], [asks[0]]), crc32fast::hash(b"45054493110"),);
    }

    #[test]
    fn only_the_best_ten_count() {
        let many: Vec<(i64, i64)> = (1..=12).map(|n| (n * 1_000_000_000, n)).collect();
        assert_eq!(checksum(many.clone(), []), slowly(&many, &[]));
        assert_eq!(checksum(many[..10].to_vec(), []), checksum(many, []));
    }
}
