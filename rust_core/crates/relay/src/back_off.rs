//! How long to wait before the next try: twice as long each time, up to a bound, and never quite the same, so that many
//! handlers whose database comes back do not all ask it at once.
use crate::settings::{BACK_OFF_FROM, BACK_OFF_TO};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct BackOff {
    next: Duration,
}

impl BackOff {
    pub fn new() -> BackOff {
        BackOff { next: BACK_OFF_FROM }
    }
    /// It went well: the next failure waits little.
    pub fn reset(&mut self) {
        self.next = BACK_OFF_FROM;
    }
    /// The wait after one more failure.
    pub fn wait(&mut self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        self.wait_with(now.map_or(0, |d| d.subsec_nanos()))
    }
    fn wait_with(&mut self, noise: u32) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(BACK_OFF_TO);
        // Half of it for certain, up to all of it by chance.
        whole / 2 + whole / 2 * (noise % 1000) / 1000
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
    fn waits_grow_to_a_bound_and_begin_anew_after_success() {
        let mut back_off = BackOff::new();
        let waits: Vec<Duration> = (0..20).map(|n| back_off.wait_with(n * 7_919)).collect();
        assert!(waits[0] >= BACK_OFF_FROM / 2 && waits[0] <= BACK_OFF_FROM);
        assert!(waits[8..].iter().all(|w| *w >= BACK_OFF_TO / 2 && *w <= BACK_OFF_TO));
        let late: std::collections::HashSet<_> = waits[8..].iter().collect();
        assert!(late.len() > 5, "no jitter: {waits:?}");
        back_off.reset();
        assert!(back_off.wait_with(999) <= BACK_OFF_FROM);
    }
}
