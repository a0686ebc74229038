//! The wait before the next try: it doubles each time up to a limit. A random part keeps many handlers from
//! calling a database at the same moment when it is available again.
use crate::settings::{BACK_OFF_FROM, BACK_OFF_TO};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct BackOff {
    next: Duration,
}

impl BackOff {
    pub fn new() -> BackOff {
        BackOff { next: BACK_OFF_FROM }
    }
    /// After a success: the next failure waits for the shortest time.
    pub fn reset(&mut self) {
        self.next = BACK_OFF_FROM;
    }
    /// The wait after another failure.
    pub fn next_wait(&mut self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.next_wait_with(now.map_or(0, |d| d.subsec_nanos()))
    }
    /// Between half of the current wait and all of it, depending on `noise`.
    fn next_wait_with(&mut self, noise: u32) -> Duration {
        let longest = self.next;
        self.next = (longest * 2).min(BACK_OFF_TO);
        longest / 2 + longest / 2 * (noise % 1000) / 1000
    }
}
impl Default for BackOff {
    fn default() -> Self {
        BackOff::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_limit_and_restart_after_a_success() {
        let mut back_off = BackOff::new();
        let waits: Vec<Duration> = (0..20).map(|n| back_off.next_wait_with(n * 7_919)).collect();
        assert!(waits[0] >= BACK_OFF_FROM / 2 && waits[0] <= BACK_OFF_FROM);
        assert!(waits[8..].iter().all(|w| *w >= BACK_OFF_TO / 2 && *w <= BACK_OFF_TO));
        let late: std::collections::HashSet<_> = waits[8..].iter().collect();
        assert!(late.len() > 5, "no jitter: {waits:?}");
        back_off.reset();
        assert!(back_off.next_wait_with(999) <= BACK_OFF_FROM);
    }
}
