//! The oracle's §12: the base price, the bands around it, and the mark.

use super::*;

const PERIOD_NS: i64 = 30_000_000_000;
const PERIODS: i64 = 10;

fn period_of(time: Timestamp) -> i64 {
    time.div_euclid(PERIOD_NS)
}

impl Oracle {
    /// R12.3: the first print or pass of a period moves the base price.
    pub(crate) fn move_base(&mut self, book: usize) {
        let now = period_of(self.now);
        let b = &mut self.books[book];
        let before = b.period.replace(now);
        let (Some(base), Some(before)) = (b.base, before) else {
            return;
        };
        if now <= before {
            return;
        }
        let recent: Vec<_> = b
            .prints
            .iter()
            .filter(|(at, _, _)| (now - PERIODS..now).contains(&period_of(*at)))
            .collect();
        let volume: i128 = recent.iter().map(|p| p.2).sum();
        let value: i128 = recent.iter().map(|p| p.1 * p.2).sum();
        let tick = i128::from(b.spec.tick);
        let mean = match (volume, b.last) {
            (0, Some((last, _, _))) => last,
            (0, None) => base,
            _ => round_down(value / volume, tick),
        };
        let band = round_down(base * i128::from(b.spec.band_ppm) / MILLION, tick);
        let passed = i128::from((now - before).min(PERIODS));
        let step = round_down(band * passed / i128::from(PERIODS), tick).max(tick);
        b.base = Some(mean.clamp(base - step, base + step));
        b.prints.retain(|(at, _, _)| period_of(*at) > now - PERIODS);
    }

    /// The last price, and what §12 makes of it.
    pub(crate) fn record_print(&mut self, book: usize, price: i128, quantity: i128) {
        self.move_base(book);
        let now = self.now;
        let b = &mut self.books[book];
        b.prints.push((now, price, quantity));
        b.base = b.base.or(Some(price));
        b.last = Some((price, quantity, now));
        b.beyond = 0;
    }

    /// The price that a price limit of `side` may not pass around `base` (R12.6).
    pub(crate) fn band(&self, book: usize, side: Side, base: i128) -> i128 {
        let spec = &self.books[book].spec;
        let (tick, ppm) = (i128::from(spec.tick), i128::from(spec.band_ppm));
        match side {
            Side::Buy => round_down(base * (MILLION + ppm) / MILLION, tick).max(base + tick),
            Side::Sell => round_up(divide_up(base * (MILLION - ppm), MILLION), tick).min(base - tick),
        }
    }

    /// R12.7: the limit of a user's order, inside the band.
    pub(crate) fn inside_band(&self, book: usize, side: Side, limit: i128) -> i128 {
        match (self.books[book].base, side) {
            (None, _) => limit,
            (Some(base), Side::Buy) => limit.min(self.band(book, side, base)),
            (Some(base), Side::Sell) => limit.max(self.band(book, side, base)),
        }
    }

    /// R2.13.
    pub(crate) fn reference(&self, book: usize) -> Option<i128> {
        let b = &self.books[book];
        if let Some((price, _, _)) = b.last {
            return Some(price);
        }
        let (bid, ask) = (self.best_price(book, Side::Buy)?, self.best_price(book, Side::Sell)?);
        Some(round_down((bid + ask).div_euclid(2), b.spec.tick.into()))
    }

    /// R2.12.
    pub(crate) fn mark(&self, book: usize) -> Option<i128> {
        let reference = self.reference(book)?;
        let Some(base) = self.books[book].base else {
            return Some(reference);
        };
        let low = self.collar_around(book, Side::Sell, base);
        let high = self.collar_around(book, Side::Buy, base);
        Some(reference.max(low).min(high))
    }
}
