//! Order flow imbalance: how much more the bid size grew than the ask size.
//!
//! Sources: Cont, Kukanov and Stoikov, "The Price Impact of Order Book Events", Journal of Financial
//! Econometrics 12 (2014), equation for e_n; over several levels, Xu, Gould and Howison, "Multi-Level
//! Order-Flow Imbalance in a Limit Order Book", Market Microstructure and Liquidity 4 (2019).

use crate::lanes::{fold, with_avx2, LANES};
use crate::{same_length, LengthMismatch};

/// A series of quotes, one slice per field.
#[derive(Clone, Copy, Debug)]
pub struct Quotes<'a> {
    pub bids: &'a [f64],
    pub bid_sizes: &'a [f64],
    pub asks: &'a [f64],
    pub ask_sizes: &'a [f64],
}

impl Quotes<'_> {
    pub(crate) fn checked_length(&self) -> Result<usize, LengthMismatch> {
        let length = self.bids.len();
        same_length(length, &[self.bid_sizes.len(), self.asks.len(), self.ask_sizes.len()])?;
        Ok(length)
    }
}

/// A quote: the best prices and their sizes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    pub bid: f64,
    pub bid_size: f64,
    pub ask: f64,
    pub ask_size: f64,
}

/// The contribution of one change of the quote:
/// `1{Pb ≥ Pb'}·qb − 1{Pb ≤ Pb'}·qb' − 1{Pa ≤ Pa'}·qa + 1{Pa ≥ Pa'}·qa'`, where a prime marks the quote
/// before.
#[inline(always)]
pub fn contribution(before: Quote, after: Quote) -> f64 {
    // Selects instead of branching: price moves are unpredictable, and this form vectorises.
    let when = |condition: bool, size: f64| if condition { size } else { 0.0 };
    when(after.bid >= before.bid, after.bid_size)
        - when(after.bid <= before.bid, before.bid_size)
        - when(after.ask <= before.ask, after.ask_size)
        + when(after.ask >= before.ask, before.ask_size)
}

#[inline(always)]
fn at(quotes: &Quotes<'_>, index: usize) -> Quote {
    Quote {
        bid: quotes.bids[index],
        bid_size: quotes.bid_sizes[index],
        ask: quotes.asks[index],
        ask_size: quotes.ask_sizes[index],
    }
}

/// Order flow imbalance of a series of quotes: Σ of the contributions. 0 if there are fewer than two quotes.
pub fn ofi(quotes: &Quotes<'_>) -> Result<f64, LengthMismatch> {
    let length = quotes.checked_length()?;
    Ok(ofi_sum(
        quotes.bids,
        quotes.bid_sizes,
        quotes.asks,
        quotes.ask_sizes,
        length,
    ))
}

with_avx2! {
    /// Σ of the contributions of the first `length` quotes. All slices must have at least that length.
    pub fn ofi_sum(bids: &[f64], bid_sizes: &[f64], asks: &[f64], ask_sizes: &[f64], length: usize) -> f64 {
        let quotes = Quotes {
            bids: &bids[..length],
            bid_sizes: &bid_sizes[..length],
            asks: &asks[..length],
            ask_sizes: &ask_sizes[..length],
        };
        let mut lanes = [0.0; LANES];
        let mut index = 0;
        while let (Some(before), Some(after)) = (block(&quotes, index), block(&quotes, index + 1)) {
            for lane in 0..LANES {
                lanes[lane] += contribution(before.quote(lane), after.quote(lane));
            }
            index += LANES;
        }
        let mut total = fold(&lanes);
        for index in index + 1..length {
            total += contribution(at(&quotes, index - 1), at(&quotes, index));
        }
        total
    }
}

/// [`LANES`] consecutive quotes in arrays of known length, so that the loop needs no bounds checks.
struct Block<'a> {
    bids: &'a [f64; LANES],
    bid_sizes: &'a [f64; LANES],
    asks: &'a [f64; LANES],
    ask_sizes: &'a [f64; LANES],
}

impl Block<'_> {
    #[inline(always)]
    fn quote(&self, lane: usize) -> Quote {
        Quote {
            bid: self.bids[lane],
            bid_size: self.bid_sizes[lane],
            ask: self.asks[lane],
            ask_size: self.ask_sizes[lane],
        }
    }
}

/// The block of quotes at `start`; `None` if fewer quotes are left.
#[inline(always)]
fn block<'a>(quotes: &Quotes<'a>, start: usize) -> Option<Block<'a>> {
    Some(Block {
        bids: quotes.bids.get(start..)?.first_chunk()?,
        bid_sizes: quotes.bid_sizes.get(start..)?.first_chunk()?,
        asks: quotes.asks.get(start..)?.first_chunk()?,
        ask_sizes: quotes.ask_sizes.get(start..)?.first_chunk()?,
    })
}

/// The contribution of each quote to the imbalance; 0 for the first.
pub fn ofi_series(quotes: &Quotes<'_>, out: &mut [f64]) -> Result<(), LengthMismatch> {
    let length = quotes.checked_length()?;
    same_length(length, &[out.len()])?;
    if let Some(first) = out.first_mut() {
        *first = 0.0;
    }
    for index in 1..length {
        out[index] = contribution(at(quotes, index - 1), at(quotes, index));
    }
    Ok(())
}

/// Imbalance over several levels: Σ_m exp(−decay·m)·OFI_m / Σ_m exp(−decay·m), where m = 0 is the best level.
///
/// Each slice of `book` has one row per snapshot, with `levels` values from the best level on. With `decay`
/// 0 all levels have the same weight. NaN if `levels` is 0.
pub fn weighted_ofi(book: &Quotes<'_>, levels: usize, decay: f64) -> Result<f64, LengthMismatch> {
    let length = book.checked_length()?;
    if levels == 0 {
        return Ok(f64::NAN);
    }
    if length % levels != 0 {
        return Err(LengthMismatch {
            expected: length.next_multiple_of(levels),
            actual: length,
        });
    }
    let weights: Vec<f64> = (0..levels).map(|level| (-decay * level as f64).exp()).collect();
    let mut total = 0.0;
    for row in levels..length {
        total += weights[row % levels] * contribution(at(book, row - levels), at(book, row));
    }
    Ok(total / weights.iter().sum::<f64>())
}

/// Trade imbalance: (bought − sold) / (bought + sold) by the side of the taker (+1 buy, −1 sell; 0,
/// unknown, is not counted). NaN without volume.
pub fn trade_imbalance(volumes: &[f64], sides: &[i8]) -> Result<f64, LengthMismatch> {
    same_length(volumes.len(), &[sides.len()])?;
    let (mut signed, mut total) = (0.0, 0.0);
    for (volume, side) in volumes.iter().zip(sides) {
        let sign = f64::from(side.signum());
        signed += volume * sign;
        total += volume * sign.abs();
    }
    Ok(if total == 0.0 { f64::NAN } else { signed / total })
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Quote = Quote {
        bid: 10.0,
        bid_size: 5.0,
        ask: 11.0,
        ask_size: 7.0,
    };

    #[test]
    fn each_kind_of_change_contributes_as_in_the_paper() {
        assert_eq!(contribution(START, START), 0.0);
        assert_eq!(contribution(START, Quote { bid_size: 8.0, ..START }), 3.0, "bid grew");
        assert_eq!(
            contribution(
                START,
                Quote {
                    bid: 10.5,
                    bid_size: 2.0,
                    ..START
                }
            ),
            2.0,
            "bid rose"
        );
        assert_eq!(
            contribution(
                START,
                Quote {
                    bid: 9.5,
                    bid_size: 2.0,
                    ..START
                }
            ),
            -5.0,
            "bid fell"
        );
        assert_eq!(contribution(START, Quote { ask_size: 9.0, ..START }), -2.0, "ask grew");
        assert_eq!(
            contribution(
                START,
                Quote {
                    ask: 10.5,
                    ask_size: 3.0,
                    ..START
                }
            ),
            -3.0,
            "ask fell"
        );
        assert_eq!(
            contribution(
                START,
                Quote {
                    ask: 11.5,
                    ask_size: 3.0,
                    ..START
                }
            ),
            7.0,
            "ask rose"
        );
    }

    #[test]
    fn the_imbalance_is_the_sum_of_the_series() {
        for length in 0..40usize {
            let field = |k: usize| (0..length).map(|i| ((i * k + k) % 9) as f64).collect::<Vec<_>>();
            let (bids, bid_sizes, asks, ask_sizes) = (field(2), field(5), field(7), field(4));
            let quotes = Quotes {
                bids: &bids,
                bid_sizes: &bid_sizes,
                asks: &asks,
                ask_sizes: &ask_sizes,
            };
            let mut series = vec![1.0; length];
            ofi_series(&quotes, &mut series).unwrap();
            assert_eq!(ofi(&quotes).unwrap(), series.iter().sum::<f64>(), "length {length}");
            assert_eq!(weighted_ofi(&quotes, 1, 0.3).unwrap(), ofi(&quotes).unwrap());
        }
    }

    #[test]
    fn deeper_levels_have_less_weight() {
        // Two levels, two snapshots: the best bid grows by 1, the second by 4.
        let book = Quotes {
            bids: &[10.0, 9.0, 10.0, 9.0],
            bid_sizes: &[1.0, 1.0, 2.0, 5.0],
            asks: &[11.0, 12.0, 11.0, 12.0],
            ask_sizes: &[1.0; 4],
        };
        let half = std::f64::consts::LN_2;
        assert!((weighted_ofi(&book, 2, half).unwrap() - 3.0 / 1.5).abs() < 1e-12);
        assert_eq!(weighted_ofi(&book, 2, 0.0).unwrap(), 2.5);
        assert!(weighted_ofi(&book, 3, 0.0).is_err());
    }

    #[test]
    fn trade_imbalance_ignores_trades_of_unknown_side() {
        assert_eq!(trade_imbalance(&[3.0, 1.0, 100.0], &[1, -1, 0]), Ok(0.5));
        assert!(trade_imbalance(&[1.0], &[0]).unwrap().is_nan());
    }
}
