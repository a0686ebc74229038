//! The base price of an instrument, its bands, and the mark (§12, R2.12).
//!
//! The base price follows the prints of the last five minutes. It is the centre of the bands inside which
//! users' orders trade, and the mark stays near it. So neither one lot nor one command moves what accounts
//! are worth by more than the collar.
//!
//! # Layout
//! Time is cut into periods of 30 s. The volume and the value of the prints are kept for the last ten
//! periods. The first print or pass of a new period moves the base price. A print of a feed sets it.
//!
//! # Cost
//! A trade costs one comparison and two additions.

use crate::market::{Market, Print};
use crate::money::{scale_ppm_ceiling, scale_ppm_floor};
use crate::types::*;

/// The base price moves at most once in this time. Limit-Up-Limit-Down has the same interval.
pub(crate) const PERIOD_NS: i64 = 30 * NANOS;
/// Five minutes of periods: the prints that the base price follows.
pub(crate) const PERIODS: usize = 10;

/// Value (ticks × lots) and volume (lots) of the prints of one period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Volume {
    pub value: i128,
    pub lots: i128,
}

/// The base price and the prints that it follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Base {
    /// In ticks. 0: there was no print yet.
    pub price: i64,
    /// The period of the last print or pass.
    pub period: i64,
    /// By period modulo their number.
    pub volumes: [Volume; PERIODS],
}

impl Base {
    pub const NONE: Base = Base {
        price: 0,
        period: i64::MIN,
        volumes: [Volume { value: 0, lots: 0 }; PERIODS],
    };

    /// Starts again at this price.
    pub fn restart(&mut self, price: i64) {
        self.price = price;
        self.volumes = Base::NONE.volumes;
    }

    fn slot(period: i64) -> usize {
        period.rem_euclid(PERIODS as i64) as usize
    }

    /// Enters a new period (R12.3). `last` is the last price.
    #[cold]
    fn enter(&mut self, period: i64, band_ppm: i64, last: i64) {
        let gap = period.saturating_sub(self.period).min(PERIODS as i64 + 1);
        let passed = gap.min(PERIODS as i64);
        for empty in 1..gap {
            self.volumes[Base::slot(period - empty)] = Volume::default();
        }
        let (mut value, mut lots) = (0, 0);
        for volume in &self.volumes {
            value += volume.value;
            lots += volume.lots;
        }
        self.volumes[Base::slot(period)] = Volume::default();
        self.period = period;
        if self.price != 0 {
            let mean = if lots == 0 { last } else { (value / lots) as i64 };
            let band = scale_ppm_floor(self.price, band_ppm);
            let step = (band * passed / PERIODS as i64).max(1);
            self.price = mean.clamp(self.price - step, self.price + step);
        }
    }
}

impl Market {
    /// R12.3: the first print or pass of a period moves the base price.
    #[inline]
    pub fn move_base(&mut self, now: Timestamp) {
        let period = now.div_euclid(PERIOD_NS);
        if period > self.base.period {
            let last = self.last.map_or(0, |last| last.price);
            self.base.enter(period, self.band_ppm, last);
        }
    }

    pub fn record_print(&mut self, print: Print) {
        self.move_base(print.at);
        let lots = i128::from(print.quantity / self.lot);
        let volume = &mut self.base.volumes[Base::slot(self.base.period)];
        volume.value += i128::from(print.price) * lots;
        volume.lots += lots;
        if self.base.price == 0 {
            self.base.price = print.price;
        }
        self.last = Some(print);
        self.beyond = 0;
    }

    /// R12.4: a print of a feed is the base price.
    pub fn record_outside_print(&mut self, print: Print) {
        self.record_print(print);
        self.base.price = print.price;
    }

    /// R12.5: the base price is within a feed's quote.
    pub fn record_outside_quote(&mut self, bid: i64, ask: i64) {
        if self.base.price != 0 {
            self.base.price = self.base.price.clamp(bid, ask);
        }
    }

    /// The worst price inside the band around a price, at least one tick away (R12.6).
    #[inline]
    pub fn band(&self, side: Side, around: i64) -> i64 {
        match side {
            Side::Buy => scale_ppm_floor(around, 1_000_000 + self.band_ppm).max(around + 1),
            Side::Sell => scale_ppm_ceiling(around, 1_000_000 - self.band_ppm).min(around - 1),
        }
    }

    /// The worst price at which a user's order of `side` may trade now. `None`: there was no print yet.
    #[inline]
    pub fn base_band(&self, side: Side) -> Option<i64> {
        (self.base.price != 0).then(|| self.band(side, self.base.price))
    }

    /// The last price, otherwise the middle of the book rounded down to the tick (R2.13).
    #[inline]
    pub fn reference(&self) -> Option<i64> {
        if let Some(last) = self.last {
            return Some(last.price);
        }
        Some((self.book.best(Side::Buy)? + self.book.best(Side::Sell)?) / 2)
    }

    /// The price at which positions are valued (R2.12): the last price, near the base price.
    #[inline]
    pub fn mark(&self) -> Option<i64> {
        let reference = self.reference()?;
        if self.base.price == 0 {
            return Some(reference);
        }
        let (low, high) = (
            self.collar(Side::Sell, self.base.price),
            self.collar(Side::Buy, self.base.price),
        );
        Some(reference.clamp(low, high))
    }
}
