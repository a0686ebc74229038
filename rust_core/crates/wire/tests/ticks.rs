//! Batches of ticks are read as they were written, in place; invalid batches are rejected.
use cift_wire::limits::MAX_TICKS_PER_BATCH;
use cift_wire::text::parse_symbol;
use cift_wire::ticks::*;
use cift_wire::WireError;

fn encode(feed: &str, sequences: &[u64], rows: usize) -> Result<Vec<u8>, WireError> {
    let column: Vec<i64> = (0..rows as i64).map(|n| n * 1_000_003 - 5).collect();
    let ticks = Ticks {
        feed,
        symbol: parse_symbol("BRK.B").unwrap(),
        sequences,
        times: &column[..],
    };
    let (sides, conditions) = (vec![-1; rows], vec![u32::MAX; rows]);
    let trades = Trades {
        prices: &column[..],
        quantities: &column[..],
        sides: &sides[..],
        conditions: &conditions[..],
    };
    encode_trades(&ticks, &trades)
}
fn monotonic(rows: usize) -> Vec<u64> {
    (1..=rows as u64).collect()
}

#[test]
fn columns_are_parts_of_the_message_at_any_address() {
    for rows in [1, 2, 3, 7, 8, 9, 1000, MAX_TICKS_PER_BATCH] {
        let message = encode("a-feed_1", &monotonic(rows), rows).unwrap();
        for shift in 0..2 {
            let moved: Vec<u8> = std::iter::repeat_n(0, shift).chain(message.iter().copied()).collect();
            let bytes = &moved[shift..];
            decode(bytes, |ticks, columns| {
                assert_eq!((ticks.feed, ticks.sequences.len()), ("a-feed_1", rows));
                assert!(ticks.sequences.iter().eq(1..=rows as u64));
                let Columns::Trades(trades) = columns else {
                    panic!("these are trades")
                };
                assert!(trades.prices.iter().eq((0..rows as i64).map(|n| n * 1_000_003 - 5)));
                assert!(trades.sides.iter().all(|side| side == -1) && trades.conditions.iter().all(|c| c == u32::MAX));
                let inside = bytes.as_ptr_range();
                let column = trades.conditions.bytes().as_ptr_range();
                assert!(inside.start <= column.start && column.end <= inside.end);
            })
            .unwrap();
        }
    }
}

#[test]
fn an_invalid_batch_is_rejected() {
    assert_eq!(encode("feed", &[], 0), Err(WireError::Invalid("batch: it is empty")));
    let many = MAX_TICKS_PER_BATCH + 1;
    assert!(matches!(
        encode("feed", &monotonic(many), many),
        Err(WireError::TooLong { .. })
    ));
    for sequences in [[2, 2], [2, 1]] {
        assert_eq!(
            encode("feed", &sequences, 2),
            Err(WireError::Invalid("sequences: they are not strictly monotonic"))
        );
    }
    assert_eq!(
        encode("feed", &[1], 2),
        Err(WireError::Invalid("column: not as long as the others"))
    );
    for feed in ["", "Feed", "a.b", "a b", &"a".repeat(33)] {
        assert_eq!(encode(feed, &[1], 1), Err(WireError::Invalid("feed")), "{feed}");
    }
}

#[test]
fn a_damaged_batch_does_not_panic() {
    let sound = encode("feed", &monotonic(5), 5).unwrap();
    for at in 0..sound.len() {
        for bit in 0..8 {
            let mut spoilt = sound.clone();
            spoilt[at] ^= 1 << bit;
            let _ = decode(&spoilt, |ticks, _| assert_eq!(ticks.sequences.len(), ticks.times.len()));
        }
        assert!(decode(&sound[..at], |_, _| ()).is_err());
    }
}
