//! Requests that have no reply yet, and their commands that are not applied yet.
use async_nats::Subject;
use bytes::Bytes;
use cift_engine::Command;
use cift_wire::{decode_results, encode_results, CommandResult, Envelope, Meta, Status};
use std::collections::VecDeque;

/// Where a result belongs: the number of the request and the index in it. `None`: a command of matchd itself.
pub type ResultSlot = Option<(usize, usize)>;

/// A status and a reason for commands whose result is unknown or that were not sequenced.
pub type Unsequenced<'a> = (Status, &'a str);

/// A command that waits to be applied.
#[derive(Clone, Debug)]
pub struct PendingCommand {
    pub slot: ResultSlot,
    trace: u128,
    span: u64,
    pub expires_at: i64,
    client_order_id: String,
    pub command: Command,
}
impl PendingCommand {
    pub fn new(slot: ResultSlot, envelope: &Envelope<'_>) -> PendingCommand {
        PendingCommand {
            slot,
            trace: envelope.meta.trace,
            span: envelope.meta.span,
            expires_at: envelope.meta.expires_at,
            client_order_id: envelope.meta.client_order_id.to_owned(),
            command: envelope.command,
        }
    }
    pub fn internal(command: Command) -> PendingCommand {
        PendingCommand::new(
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

/// What a result becomes when record `in_doubt` was not acknowledged.
fn after_fault(
    result: CommandResult,
    in_doubt: u64,
    for_in_doubt: Unsequenced<'_>,
    for_unpublished: Unsequenced<'_>,
) -> CommandResult {
    // It is not in the journal because it left no trace. The state behind it may be in doubt.
    let untraced = result.command_sequence == 0 && matches!(result.status, Status::Refused | Status::Repeated);
    if untraced || result.record_sequence > in_doubt {
        CommandResult::unsequenced(for_unpublished.0, for_unpublished.1)
    } else if result.record_sequence == in_doubt {
        CommandResult::unsequenced(for_in_doubt.0, for_in_doubt.1)
    } else {
        result
    }
}

/// The reply to a request whose results were all known at the fault, but not sent.
pub fn reply_after_fault(
    reply: &[u8],
    in_doubt: u64,
    for_in_doubt: Unsequenced<'_>,
    for_unpublished: Unsequenced<'_>,
) -> Option<Bytes> {
    let results = decode_results(reply).ok()?.into_iter();
    let results: Vec<CommandResult> = results
        .map(|result| after_fault(result, in_doubt, for_in_doubt, for_unpublished))
        .collect();
    Some(encode_results(&results).into())
}

struct PendingRequest {
    reply_to: Option<Subject>,
    results: Vec<Option<CommandResult>>,
    missing: usize,
}

/// Requests by number. Numbers of closed requests are reused.
#[derive(Default)]
pub struct PendingRequests {
    requests: Vec<Option<PendingRequest>>,
    free: Vec<usize>,
    pub commands: VecDeque<PendingCommand>,
}

impl PendingRequests {
    /// Adds a request of `count` commands and returns its number.
    pub fn open(&mut self, reply_to: Option<Subject>, count: usize) -> usize {
        let request = PendingRequest {
            reply_to,
            results: vec![None; count],
            missing: count,
        };
        match self.free.pop() {
            Some(number) => {
                self.requests[number] = Some(request);
                number
            }
            None => {
                self.requests.push(Some(request));
                self.requests.len() - 1
            }
        }
    }
    /// Stores a result. Returns the number of the request if this was its last missing result.
    pub fn set_result(&mut self, slot: ResultSlot, result: CommandResult) -> Option<usize> {
        let (number, index) = slot?;
        let request = self.requests[number].as_mut()?;
        debug_assert!(request.results[index].is_none(), "a command has one result");
        request.results[index] = Some(result);
        request.missing -= 1;
        (request.missing == 0).then_some(number)
    }
    /// The reply to a request whose results are all known. The request stays until
    /// [`PendingRequests::close`].
    pub fn reply(&self, number: usize) -> Option<(Subject, Bytes)> {
        let request = self.requests[number].as_ref()?;
        let results: Vec<CommandResult> = request.results.iter().flatten().cloned().collect();
        debug_assert_eq!(results.len(), request.results.len());
        request
            .reply_to
            .clone()
            .map(|reply_to| (reply_to, encode_results(&results).into()))
    }
    pub fn close(&mut self, number: usize) {
        if self.requests[number].take().is_some() {
            self.free.push(number);
        }
    }
    pub fn is_empty(&self) -> bool {
        self.free.len() == self.requests.len()
    }

    /// Closes all requests at the end of a term in which record `in_doubt` was not acknowledged. Returns
    /// the replies.
    ///
    /// - Results before sequencing and in acknowledged records stay.
    /// - Commands in `in_doubt` get `for_in_doubt`: `Unknown`, or `Unavailable` if the journal did not
    ///   store it.
    /// - Commands that were never published get `for_unpublished`, which may be `Unavailable` only if no
    ///   other leader can have received them.
    ///
    /// `continued` is a command with work left for `Continue`, and the record in which it began.
    pub fn abandon(
        &mut self,
        in_doubt: u64,
        for_in_doubt: Unsequenced<'_>,
        for_unpublished: Unsequenced<'_>,
        continued: Option<(ResultSlot, u64)>,
    ) -> Vec<(Subject, Bytes)> {
        let mut replies = Vec::new();
        for number in 0..self.requests.len() {
            let Some(request) = self.requests[number].take() else {
                continue;
            };
            self.free.push(number);
            let Some(reply_to) = request.reply_to else { continue };
            let results: Vec<CommandResult> = request
                .results
                .into_iter()
                .enumerate()
                .map(|(index, result)| {
                    let began_in_doubt =
                        continued.is_some_and(|(slot, record)| slot == Some((number, index)) && record <= in_doubt);
                    match result {
                        Some(result) => after_fault(result, in_doubt, for_in_doubt, for_unpublished),
                        None if began_in_doubt => CommandResult::unsequenced(for_in_doubt.0, for_in_doubt.1),
                        None => CommandResult::unsequenced(for_unpublished.0, for_unpublished.1),
                    }
                })
                .collect();
            replies.push((reply_to, encode_results(&results).into()));
        }
        self.commands.clear();
        replies
    }
}
