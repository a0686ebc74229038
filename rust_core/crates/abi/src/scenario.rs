//! A seeded flow of orders for one instrument in the shape of the public benchmark: a random walk of the mid price,
//! orders that are placed passively around it (most within 16 ticks), short lives, 15 % immediate-or-cancel, 95 %
//! cancelled, 20 % modified, some cancels and modifies of orders that are gone. The buys follow the first half of the
//! walk, the sells the second, and both arrive in random order. So a wide walk leaves a deep book on one side.
//!
//! The scenarios differ in how far the mid price moves.

use crate::abi::{Cancel, Modify, NewOrder, Transport};
use cift_sim::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Message {
    New(NewOrder),
    Cancel(Cancel),
    Modify(Modify),
}

/// Name, and the standard deviation of the mid price at the end of the walk, in parts per million.
pub const SCENARIOS: [(&str, i64); 5] = [
    ("static", 0),
    ("normal", 20_000),
    ("swing-25", 250_000),
    ("swing-40", 400_000),
    ("flash-crash", 600_000),
];

/// Mid price at the start, in ticks of 0.005.
const START: i64 = 33_500;
/// Half of all orders live shorter than this many messages.
const MEDIAN_LIFE: u64 = 500;
const DEEPEST: i64 = 800;

/// Ticks from the mid price: a bell within 16 ticks, and one order in 20 with a long tail.
fn depth(random: &mut Random) -> i64 {
    if random.one_in(20) {
        let tail = (1 << 20) / (random.below(1 << 20) as i64 + 1);
        return tail.clamp(1, DEEPEST);
    }
    (0..4).map(|_| random.between(0, 4)).sum::<i64>() + 1
}

/// A time until an event whose half-life is `median`, by halvings and a uniform rest.
fn life(random: &mut Random, median: u64) -> u64 {
    let halvings = u64::from(random.draw().trailing_ones());
    halvings * median + random.below(median)
}

/// The mid prices: a walk of uniform steps in parts per million of parts per million.
fn walk(random: &mut Random, orders: usize, ppm: i64) -> Vec<i64> {
    // Var of a uniform step in -s..=s is s²/3, so s = σ √(3 / n).
    let step = ppm * 1_000_000 * 1_732 / 1_000 / (orders as i64).isqrt().max(1);
    let mut mid = i128::from(START) * 1_000_000;
    (0..orders)
        .map(|_| {
            mid += mid * i128::from(random.between(-step, step)) / 1_000_000_000_000;
            mid = mid.max(2 * DEEPEST as i128 * 1_000_000);
            (mid / 1_000_000) as i64
        })
        .collect()
}

/// The messages that `orders` orders cause.
pub fn generate(ppm: i64, orders: usize, seed: u64) -> Vec<Message> {
    let mut random = Random::new(seed);
    let mids = walk(&mut random, orders, ppm);
    let mut arrivals: Vec<(u64, u8, i64)> = mids
        .iter()
        .enumerate()
        .map(|(n, mid)| {
            let (sell, depth) = (n >= orders / 2, depth(&mut random));
            let price = if sell { mid + depth } else { mid - depth };
            (n as u64 + 1, u8::from(sell), price.max(1))
        })
        .collect();
    for n in (1..arrivals.len()).rev() {
        arrivals.swap(n, random.below(n as u64 + 1) as usize);
    }
    let mut timed: Vec<(u64, Message)> = Vec::with_capacity(orders * 2 + orders / 8);
    let mut now = 0;
    for (order_id, side, price) in arrivals {
        expand(&mut random, &mut timed, &mut now, order_id, side, price);
    }
    timed.sort_by_key(|(at, _)| *at);
    let numbered = timed.into_iter().enumerate().map(|(sequence, (_, mut message))| {
        match &mut message {
            Message::New(order) => order.sequence = sequence as u64,
            Message::Cancel(cancel) => cancel.sequence = sequence as u64,
            Message::Modify(modify) => modify.sequence = sequence as u64,
        }
        message
    });
    numbered.collect()
}

fn expand(random: &mut Random, timed: &mut Vec<(u64, Message)>, now: &mut u64, order_id: u64, side: u8, price: i64) {
    let ioc = random.below(100) < 15;
    let quantity = random.between(1, 100) as u32;
    timed.push((
        *now,
        Message::New(NewOrder {
            order_id,
            sequence: 0,
            price,
            quantity,
            side,
            ioc: u8::from(ioc),
            reserved: [0; 2],
        }),
    ));
    *now += 2;
    if ioc {
        return;
    }
    let mut at = *now;
    let better = i64::from(!random.one_in(5));
    let modify = Message::Modify(Modify {
        order_id,
        sequence: 0,
        price: if side == 0 {
            price + better
        } else {
            (price - better).max(1)
        },
        quantity: quantity + 1,
        side,
        reserved: [0; 3],
    });
    let modified = random.one_in(5);
    if modified {
        at += 30 + random.below(70);
        timed.push((at, modify));
    }
    if random.below(100) < 95 {
        at += life(random, MEDIAN_LIFE * 2);
        let cancel = Message::Cancel(Cancel { order_id, sequence: 0 });
        timed.push((at, cancel));
        if random.one_in(50) {
            timed.push((at + 1 + random.below(20), cancel));
        }
        if modified && random.one_in(50) {
            timed.push((at + 1 + random.below(20), modify));
        }
    }
}

/// Reads a workload file of the public benchmark's generator.
pub fn read(bytes: &[u8]) -> Option<Vec<Message>> {
    let word = |record: &[u8], at: usize| Some(u64::from_le_bytes(record.get(at..at + 8)?.try_into().ok()?));
    let (header, records) = bytes.split_at_checked(16)?;
    if word(header, 0)? != 0x4D45_4257_5F30_3031 {
        return None;
    }
    let message = |record: &[u8]| {
        let (side, ioc) = (record[1], record[2]);
        let quantity = u32::from_le_bytes(record[4..8].try_into().ok()?);
        let (sequence, order_id, price) = (word(record, 8)?, word(record, 16)?, word(record, 24)? as i64);
        Some(match record[0] {
            0 => Message::New(NewOrder {
                order_id,
                sequence,
                price,
                quantity,
                side,
                ioc,
                reserved: [0; 2],
            }),
            1 => Message::Cancel(Cancel { order_id, sequence }),
            2 => Message::Modify(Modify {
                order_id,
                sequence,
                price,
                quantity,
                side,
                reserved: [0; 3],
            }),
            _ => return None,
        })
    };
    records.chunks_exact(40).map(message).collect()
}

/// The functions of an engine behind the ABI.
#[derive(Clone, Copy)]
pub struct Functions {
    pub init: unsafe extern "C" fn(u64, *const Transport, *mut std::ffi::c_void),
    pub shutdown: unsafe extern "C" fn(),
    pub new_order: unsafe extern "C" fn(*const NewOrder),
    pub cancel: unsafe extern "C" fn(*const Cancel),
    pub modify: unsafe extern "C" fn(*const Modify),
    pub flush: unsafe extern "C" fn(),
}

impl Functions {
    /// Sends the messages.
    ///
    /// # Safety
    /// `init` was called.
    pub unsafe fn send(&self, messages: &[Message]) {
        for message in messages {
            // SAFETY: the pointers are to whole messages.
            unsafe {
                match message {
                    Message::New(order) => (self.new_order)(order),
                    Message::Cancel(cancel) => (self.cancel)(cancel),
                    Message::Modify(modify) => (self.modify)(modify),
                }
            }
        }
        unsafe { (self.flush)() };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_gives_the_same_messages_in_the_shape_of_the_public_benchmark() {
        for (name, ppm) in SCENARIOS {
            let messages = generate(ppm, 20_000, 7);
            assert_eq!(messages, generate(ppm, 20_000, 7), "{name}");
            let count = |is: fn(&Message) -> bool| messages.iter().filter(|message| is(message)).count();
            assert_eq!(count(|message| matches!(message, Message::New(_))), 20_000);
            assert!((15_500..17_500).contains(&count(|message| matches!(message, Message::Cancel(_)))));
            assert!((2_800..4_200).contains(&count(|message| matches!(message, Message::Modify(_)))));
        }
    }
}
