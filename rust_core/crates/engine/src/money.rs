//! Exact integer arithmetic on money: fees, proportions, parts per million.
//!
//! # Bounds
//! The checks guarantee: price ≤ 1e16 nanos (2e16 with a collar), position ≤ 4e18 nanos, therefore notional
//! ≤ 1e26 and cost ≤ 1e26; parts per million ≤ 2e6. A product that can exceed `i128` uses a 256-bit
//! intermediate.
//!
//! # Cost
//! Division of small values uses the 64-bit instruction, which is several times faster than the 128-bit
//! routine. The result is the same.

use crate::types::Money;

const MILLION: i64 = 1_000_000;

/// `value / by`, `by > 0`, toward zero.
#[inline]
pub(crate) fn divide(value: i128, by: i128) -> i128 {
    if let (Ok(value), Ok(by)) = (i64::try_from(value), i64::try_from(by)) {
        return i128::from(value / by);
    }
    value / by
}

/// Fee of a fill of an order, and the order's new credit (R1.12). `unit` is the currency's smallest unit; `credit`,
/// in 1e-6 nanos, is what the order has paid beyond its fees so far by rounding up.
#[inline]
pub(crate) fn fee(notional: Money, ppm: i32, credit: i64, unit: Money) -> (Money, i64) {
    if ppm == 0 {
        return (0, credit);
    }
    let due = notional * Money::from(ppm) - Money::from(credit);
    let step = Money::from(MILLION) * unit;
    let units = divide_up(due, step);
    // 0 <= credit < step <= 1e15.
    (units * unit, (units * step - due) as i64)
}

/// The most that the remaining fills of an order can cost in fees (R4.53).
#[inline]
pub(crate) fn fee_ahead(notional: Money, ppm: i32, credit: i64, unit: Money) -> Money {
    if ppm <= 0 {
        return 0;
    }
    fee(notional, ppm, credit, unit).0.max(0)
}

/// `value / by`, `by > 0`, toward plus infinity.
#[inline]
fn divide_up(value: i128, by: i128) -> i128 {
    let quotient = divide(value, by);
    quotient + i128::from(quotient * by < value)
}

/// `ticks × parts / 1e6`, rounded down.
#[inline]
pub(crate) fn scale_ppm_floor(ticks: i64, parts: i64) -> i64 {
    match ticks.checked_mul(parts) {
        Some(product) => product / MILLION,
        None => (i128::from(ticks) * i128::from(parts) / i128::from(MILLION)) as i64,
    }
}

/// `ticks × parts / 1e6`, rounded up.
#[inline]
pub(crate) fn scale_ppm_ceiling(ticks: i64, parts: i64) -> i64 {
    let product = i128::from(ticks) * i128::from(parts) + i128::from(MILLION - 1);
    divide(product, i128::from(MILLION)) as i64
}

/// `a × b / d` toward zero, for `b ≥ 0`, `d > 0` and a result that fits.
#[inline]
pub(crate) fn mul_div(a: i128, b: i128, d: i128) -> i128 {
    debug_assert!(b >= 0 && d > 0);
    if let Some(product) = a.checked_mul(b) {
        return divide(product, d);
    }
    let magnitude = wide_mul_div(a.unsigned_abs(), b as u128, d as u128) as i128;
    if a < 0 {
        -magnitude
    } else {
        magnitude
    }
}

/// Schoolbook multiplication to 256 bits, then long division bit by bit. Only extreme values need it.
#[cold]
fn wide_mul_div(a: u128, b: u128, d: u128) -> u128 {
    const LOW: u128 = u64::MAX as u128;
    let (a1, a0, b1, b0) = (a >> 64, a & LOW, b >> 64, b & LOW);
    let low = a0 * b0;
    let middle = a1 * b0 + (low >> 64);
    let cross = a0 * b1 + (middle & LOW);
    let high = a1 * b1 + (middle >> 64) + (cross >> 64);
    let low = cross << 64 | low & LOW;
    let (mut remainder, mut quotient) = (0u128, 0u128);
    for bit in (0..256).rev() {
        let next = if bit >= 128 {
            high >> (bit - 128) & 1
        } else {
            low >> bit & 1
        };
        let carried = remainder >> 127 == 1;
        remainder = remainder << 1 | next;
        quotient <<= 1;
        if carried || remainder >= d {
            remainder = remainder.wrapping_sub(d);
            quotient |= 1;
        }
    }
    quotient
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fees_of_an_order_add_up_to_their_sum_rounded_up() {
        const CENT: Money = 10_000_000;
        let notional = 12_345 * 1_000_000_000; // 12,345.00
        assert_eq!(fee(notional, 100, 0, CENT).0, 1_240_000_000); // 1.2345 → 1.24
        assert_eq!(fee(notional, -100, 0, CENT).0, -1_230_000_000);
        assert_eq!(fee_ahead(notional, -100, 0, CENT), 0);
        let (mut paid, mut credit) = (0, 0);
        for _ in 0..400 {
            let (charged, rest) = fee(30 * 1_000_000_000, 300, credit, CENT);
            (paid, credit) = (paid + charged, rest);
        }
        assert_eq!((paid, credit), (3_600_000_000, 0));
    }

    #[test]
    fn proportions_beyond_128_bits_are_exact() {
        let a = 39_999_999_999_999_999_999_999_999i128;
        assert_eq!(mul_div(a, 3_999_999_999_999_999_999, 3_999_999_999_999_999_999), a);
        assert_eq!(mul_div(-a, 10i128.pow(21), 2 * 10i128.pow(21)), -(a / 2));
    }
}
