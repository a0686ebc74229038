//! The journal's size as its stream reports it, and which commands still have space when it is nearly full.
//!
//! # Bounds
//! The journal ends in reserves. From its end:
//! 1. a new leader: `EngineStarted`, and `Continue` for work that was left over;
//! 2. halts, and states of accounts;
//! 3. the cancel of each open order, in a record of its own;
//! 4. withdrawals and deadlines;
//! 5. everything else ends before these.
//!
//! A cancel needs an open order, so 3. can be kept free for all cancels that can come.
use cift_engine::Command;

/// Largest reserve in all but the cancels'.
const RESERVE_BYTES: u64 = 16 * 1024 * 1024;
/// A record with one cancel of one order, as the stream stores it.
pub const CANCEL_BYTES: u64 = 1_024;
/// What a command that is not applied yet is assumed to write.
const COMMAND_BYTES: u64 = 2_048;
/// What the file store adds to a message: length, sequence, time, length of the subject and of the header; a hash.
const MESSAGE_BYTES: u64 = 22 + 4 + 8;
/// `NATS/1.0\r\nNats-Expected-Last-Sequence: \r\n\r\n`, the header of an append without its number.
const HEADER_BYTES: u64 = 10 + 29 + 4;

/// Who may still write. The order is that of the reserves, from the end of the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    Leader,
    Halt,
    Cancel,
    Withdrawal,
    Order,
}

impl Purpose {
    pub fn of(command: &Command) -> Purpose {
        match command {
            Command::EngineStarted { .. } | Command::Continue | Command::SetRules { .. } => Purpose::Leader,
            Command::Halt { .. } | Command::SetAccountState { .. } => Purpose::Halt,
            Command::CancelOrder { .. } | Command::CancelAll { .. } => Purpose::Cancel,
            Command::Withdraw { .. } | Command::AdvanceTime => Purpose::Withdrawal,
            _ => Purpose::Order,
        }
    }
}

/// Bytes of the journal's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalSpace {
    /// As the stream reports it, the record in flight included.
    pub used: u64,
    pub max: u64,
    subject_bytes: u64,
}

impl JournalSpace {
    /// `subject` is that of the journal's messages.
    pub fn new(used: u64, max: u64, subject: &str) -> JournalSpace {
        JournalSpace {
            used,
            max,
            subject_bytes: subject.len() as u64,
        }
    }

    /// Bytes that the stream stores for a record that is appended after sequence `expected`.
    pub fn stored_bytes(&self, record: usize, expected: u64) -> u64 {
        let digits = u64::from(expected.max(1).ilog10()) + 1;
        record as u64 + MESSAGE_BYTES + HEADER_BYTES + digits + self.subject_bytes
    }

    /// Adds a record that is appended after sequence `expected`.
    pub fn add(&mut self, record: usize, expected: u64) {
        self.used += self.stored_bytes(record, expected);
    }

    /// Size up to which commands of this kind may write, with this many open orders.
    pub fn limit(&self, purpose: Purpose, open_orders: usize) -> u64 {
        let reserve = RESERVE_BYTES.min(self.max / 8);
        let leader = self.max - reserve / 2;
        let halt = leader - reserve / 8;
        let cancel = halt.saturating_sub(open_orders as u64 * CANCEL_BYTES);
        match purpose {
            Purpose::Leader => self.max,
            Purpose::Halt => leader,
            Purpose::Cancel => halt,
            Purpose::Withdrawal => cancel,
            Purpose::Order => cancel.saturating_sub(reserve / 4),
        }
    }

    /// May a command of this kind be added to a record that has `batch` bytes so far?
    pub fn has(&self, purpose: Purpose, batch: usize, open_orders: usize) -> bool {
        // A new order needs space for its own cancel too.
        let more = match purpose {
            Purpose::Order => COMMAND_BYTES + CANCEL_BYTES,
            Purpose::Withdrawal => COMMAND_BYTES,
            Purpose::Leader | Purpose::Halt | Purpose::Cancel => CANCEL_BYTES,
        };
        self.used + batch as u64 + more <= self.limit(purpose, open_orders)
    }

    /// Share of the size that new orders may use, in percent.
    pub fn used_percent(&self, open_orders: usize) -> u64 {
        self.used * 100 / self.limit(Purpose::Order, open_orders).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_command_has_space_beyond_the_next() {
        for max in [100_000, 1 << 20, 1 << 30, 8 << 30] {
            let space = JournalSpace::new(0, max, "journal.main");
            let limits = [
                Purpose::Leader,
                Purpose::Halt,
                Purpose::Cancel,
                Purpose::Withdrawal,
                Purpose::Order,
            ]
            .map(|purpose| space.limit(purpose, 10));
            assert!(limits.windows(2).all(|pair| pair[0] > pair[1]), "{max}: {limits:?}");
            assert_eq!(limits[0], max);
        }
    }

    #[test]
    fn every_open_order_can_be_cancelled_after_orders_and_withdrawals_have_no_space() {
        let mut space = JournalSpace::new(0, 1 << 20, "journal.main");
        let mut open = 0;
        while space.has(Purpose::Order, 0, open) {
            space.used += COMMAND_BYTES;
            open += 1;
        }
        assert!(open > 100);
        while space.has(Purpose::Withdrawal, 0, open) {
            space.used += 300;
        }
        for left in (0..open).rev() {
            assert!(space.has(Purpose::Cancel, 0, left + 1), "{left} orders left");
            space.used += CANCEL_BYTES;
        }
        assert!(space.has(Purpose::Halt, 0, 0));
    }
}
