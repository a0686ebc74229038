//! What has been asked, and whom to answer: requests with their results so far, and their commands not yet applied.
use async_nats::Subject;
use bytes::Bytes;
use cift_engine::Command;
use cift_wire::{encode_results, CommandResult, Envelope, Meta, Status};
use std::collections::VecDeque;

/// Where a result belongs: request and place in it. `None`: matchd's own command.
pub type Ticket = Option<(usize, usize)>;

/// A command that waits.
#[derive(Clone, Debug)]
pub struct Item {
    pub ticket: Ticket,
    trace: u128,
    span: u64,
    pub expires_at: i64,
    client_order_id: String,
    pub command: Command,
}
impl Item {
    pub fn new(ticket: Ticket, envelope: &Envelope<'_>) -> Item {
        Item {
            ticket,
            trace: envelope.meta.trace,
            span: envelope.meta.span,
            expires_at: envelope.meta.expires_at,
            client_order_id: envelope.meta.client_order_id.to_owned(),
            command: envelope.command,
        }
    }
    pub fn internal(command: Command) -> Item {
        Item::new(
            None,
            &Envelope {
                meta: Meta::default(),
                command,
            },
        )
    }
    pub fn meta(&self) -> Meta<'_> {
        Meta {
            trace: self.trace,
            span: self.span,
            expires_at: self.expires_at,
            client_order_id: &self.client_order_id,
        }
    }
}

struct Request {
    reply: Option<Subject>,
    results: Vec<Option<CommandResult>>,
    missing: usize,
}

/// The requests that are not answered yet.
#[derive(Default)]
pub struct Desk {
    requests: Vec<Option<Request>>,
    free: Vec<usize>,
    pub items: VecDeque<Item>,
}

impl Desk {
    /// Takes in a request of `count` commands; its number.
    pub fn open(&mut self, reply: Option<Subject>, count: usize) -> usize {
        let request = Request {
            reply,
            results: vec![None; count],
            missing: count,
        };
        match self.free.pop() {
            Some(slot) => {
                self.requests[slot] = Some(request);
                slot
            }
            None => {
                self.requests.push(Some(request));
                self.requests.len() - 1
            }
        }
    }
    /// Notes a result; gives the request's number when it was the last one missing.
    pub fn settle(&mut self, ticket: Ticket, result: CommandResult) -> Option<usize> {
        let (slot, index) = ticket?;
        let request = self.requests[slot].as_mut()?;
        debug_assert!(request.results[index].is_none(), "a command has one result");
        request.results[index] = Some(result);
        request.missing -= 1;
        (request.missing == 0).then_some(slot)
    }
    /// Whether everything of the request is known.
    pub fn is_settled(&self, slot: usize) -> bool {
        self.requests[slot].as_ref().is_some_and(|r| r.missing == 0)
    }
    /// The reply of a settled request. The request stays until [`Desk::close`].
    pub fn reply(&self, slot: usize) -> Option<(Subject, Bytes)> {
        let request = self.requests[slot].as_ref()?;
        let results: Vec<CommandResult> = request.results.iter().flatten().cloned().collect();
        debug_assert_eq!(results.len(), request.results.len());
        request
            .reply
            .clone()
            .map(|reply| (reply, encode_results(&results).into()))
    }
    pub fn close(&mut self, slot: usize) {
        if self.requests[slot].take().is_some() {
            self.free.push(slot);
        }
    }
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.requests.len()
    }

    /// The end of a term with record `in_doubt` unacknowledged: what can be said of each command. `of_doubt`: what is
    /// said of those in that record (`Unknown`, or `Unavailable` where the journal is known not to have it). `behind`:
    /// of those that were never published; a definite no only if no other leader can have been asked. `continued`: a command whose `Continue`s were not done, and its record.
    pub fn abandon(
        &mut self,
        in_doubt: u64,
        of_doubt: (Status, &str),
        behind: (Status, &str),
        continued: Option<(Ticket, u64)>,
    ) -> Vec<(Subject, Bytes)> {
        let mut replies = Vec::new();
        for slot in 0..self.requests.len() {
            let Some(request) = self.requests[slot].take() else {
                continue;
            };
            self.free.push(slot);
            let Some(reply) = request.reply else { continue };
            let results: Vec<CommandResult> = request
                .results
                .into_iter()
                .enumerate()
                .map(|(index, result)| {
                    let here =
                        continued.is_some_and(|(ticket, record)| ticket == Some((slot, index)) && record <= in_doubt);
                    match result {
                        // Answered before sequencing, or in a record that was acknowledged: stays true.
                        Some(result) if result.record_sequence < in_doubt => result,
                        Some(result) if result.record_sequence == in_doubt => {
                            CommandResult::unsequenced(of_doubt.0, of_doubt.1)
                        }
                        None if here => CommandResult::unsequenced(of_doubt.0, of_doubt.1),
                        _ => CommandResult::unsequenced(behind.0, behind.1),
                    }
                })
                .collect();
            replies.push((reply, encode_results(&results).into()));
        }
        self.items.clear();
        replies
    }
}
