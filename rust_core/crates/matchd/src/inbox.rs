//! Requests that are not decoded yet, in three classes that share each turn: cancels, quotes and orders.
//!
//! A turn takes requests in the order of [`TURNS`], so a class that floods the exchange cannot keep the others
//! waiting. Cancels have the largest share, and so go before new orders. Within a class requests keep their
//! order. The class of a request is that of its first command; a request that mixes classes stays whole.
use async_nats::Message;
use cift_engine::Command;
use cift_wire::CommandBatch;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Cancel,
    Quote,
    /// Orders, and everything else.
    Order,
}

/// Whose turn it is. A class without requests passes its turn on.
const TURNS: [Class; 8] = [
    Class::Cancel,
    Class::Cancel,
    Class::Quote,
    Class::Cancel,
    Class::Order,
    Class::Cancel,
    Class::Quote,
    Class::Order,
];

/// The class of a request. One that cannot be read is an order: it is rejected when its turn comes.
pub fn class_of(request: &[u8]) -> Class {
    let first = CommandBatch::open(request).and_then(|batch| batch.first());
    match first {
        Ok(Some(Command::CancelOrder { .. } | Command::CancelAll { .. } | Command::Halt { .. })) => Class::Cancel,
        Ok(Some(Command::OutsideQuote { .. } | Command::OutsideTrade { .. })) => Class::Quote,
        _ => Class::Order,
    }
}

#[derive(Default)]
pub struct Inbox {
    classes: [VecDeque<Message>; 3],
    bytes: usize,
    turn: usize,
}

impl Inbox {
    pub fn len(&self) -> usize {
        self.classes.iter().map(VecDeque::len).sum()
    }
    pub fn is_empty(&self) -> bool {
        self.classes.iter().all(VecDeque::is_empty)
    }
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn push(&mut self, message: Message) {
        self.bytes += message.payload.len();
        self.classes[class_of(&message.payload) as usize].push_back(message);
    }

    /// The request whose turn it is.
    pub fn pop(&mut self) -> Option<Message> {
        for _ in 0..TURNS.len() {
            let class = TURNS[self.turn] as usize;
            self.turn = (self.turn + 1) % TURNS.len();
            if let Some(message) = self.classes[class].pop_front() {
                self.bytes -= message.payload.len();
                return Some(message);
            }
        }
        None
    }

    /// The newest request of the class with the most requests.
    pub fn pop_newest(&mut self) -> Option<Message> {
        let message = self.classes.iter_mut().max_by_key(|class| class.len())?.pop_back()?;
        self.bytes -= message.payload.len();
        Some(message)
    }

    /// Removes all requests.
    pub fn drain(&mut self) -> impl Iterator<Item = Message> + '_ {
        self.bytes = 0;
        self.classes.iter_mut().flat_map(|class| class.drain(..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cift_engine::*;
    use cift_wire::{encode_commands, Envelope, Meta};

    fn message(command: Command) -> Message {
        let envelope = Envelope {
            meta: Meta::default(),
            command,
        };
        let payload = encode_commands(&[envelope]);
        Message {
            subject: "engine.main.command".into(),
            reply: None,
            length: payload.len(),
            payload: payload.into(),
            headers: None,
            status: None,
            description: None,
        }
    }

    #[test]
    fn each_class_has_its_share_while_all_wait_and_keeps_its_order() {
        let mut inbox = Inbox::default();
        let (account, symbol) = (AccountId(7), Symbol::default());
        let side = OutsideSide::default();
        for number in 0..100 {
            // The orders came first.
            inbox.push(message(Command::Resume { symbol }));
            inbox.push(message(Command::OutsideQuote {
                feed: 1,
                source_sequence: number,
                symbol,
                bid: side,
                ask: side,
            }));
        }
        for number in 0..100 {
            inbox.push(message(Command::CancelOrder {
                account,
                order: OrderId(number),
                request: None,
            }));
        }
        let mut taken = [0; 3];
        let mut last_quote = 0;
        for _ in 0..80 {
            let request = inbox.pop().unwrap();
            taken[class_of(&request.payload) as usize] += 1;
            let first = CommandBatch::open(&request.payload).unwrap().first().unwrap();
            if let Some(Command::OutsideQuote { source_sequence, .. }) = first {
                assert!(source_sequence == 0 || source_sequence == last_quote + 1);
                last_quote = source_sequence;
            }
        }
        assert_eq!(taken, [40, 20, 20]);
        while inbox.pop().is_some() {}
        assert_eq!((inbox.len(), inbox.bytes()), (0, 0));
    }

    #[test]
    fn a_request_that_cannot_be_read_waits_with_the_orders() {
        assert_eq!(class_of(b"no message"), Class::Order);
    }
}
