//! Replies: the result of each command of a request.
use crate::convert::*;
use crate::frame::{self, struct_words, text_words, WireError};
use crate::result_capnp as w;
use cift_engine as e;
use cift_engine::Outcome;

/// The outcome for the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Applied and durable.
    Done,
    /// Sequenced and durable, but it changed nothing.
    Refused,
    /// The same request came before; `first` is its result.
    Repeated,
    /// Not sequenced: the sender may retry.
    Unavailable,
    /// It may have been applied: look it up.
    Unknown,
}
impl Status {
    pub const ALL: [Status; 5] = [
        Status::Done,
        Status::Refused,
        Status::Repeated,
        Status::Unavailable,
        Status::Unknown,
    ];
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::Done => "done",
            Status::Refused => "refused",
            Status::Repeated => "repeated",
            Status::Unavailable => "unavailable",
            Status::Unknown => "unknown",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandResult {
    pub status: Status,
    pub refusal: Option<e::Refusal>,
    /// For the caller; empty where there is none.
    pub reason: String,
    /// Journal sequence of the record; 0: not sequenced, or not known.
    pub record_sequence: u64,
    pub command_sequence: u64,
    /// Of the record, ns since the epoch.
    pub timestamp: i64,
    pub order: Option<e::OrderSummary>,
    pub affected: u32,
    pub first: Option<e::FirstResult>,
}

impl CommandResult {
    /// The result of a sequenced command.
    pub fn sequenced(outcome: &Outcome, record_sequence: u64, command_sequence: u64, timestamp: i64) -> CommandResult {
        let mut result = CommandResult {
            status: Status::Done,
            refusal: None,
            reason: String::new(),
            record_sequence,
            command_sequence,
            timestamp,
            order: None,
            affected: 0,
            first: None,
        };
        match outcome {
            Outcome::Done { order, affected } => {
                result.order = *order;
                result.affected = *affected;
            }
            Outcome::Refused(reason) => {
                result.status = Status::Refused;
                result.refusal = Some(*reason);
                result.reason = reason.as_str().into();
            }
            Outcome::Repeated { first } => {
                result.status = Status::Repeated;
                result.order = first.order;
                result.affected = first.affected;
                result.first = Some(*first);
            }
        }
        result
    }
    /// The result of a command that was not sequenced, or possibly not.
    pub fn unsequenced(status: Status, reason: &str) -> CommandResult {
        debug_assert!(matches!(status, Status::Unavailable | Status::Unknown));
        CommandResult {
            status,
            refusal: None,
            reason: reason.into(),
            record_sequence: 0,
            command_sequence: 0,
            timestamp: 0,
            order: None,
            affected: 0,
            first: None,
        }
    }
}

const RESULT_WORDS: usize = struct_words::<w::command_result::Builder<'static>>();

pub fn encode_results(results: &[CommandResult]) -> Vec<u8> {
    let content = |r: &CommandResult| {
        RESULT_WORDS
            + text_words(&r.reason)
            + r.order.map_or(0, |_| SUMMARY_WORDS)
            + r.first.as_ref().map_or(0, first_words)
    };
    let words = struct_words::<w::command_results::Builder<'static>>() + 1 + results.iter().map(content).sum::<usize>();
    let mut out = Vec::new();
    frame::write(words, &mut out, |message| {
        let root: w::command_results::Builder<'_> = message.init_root();
        let mut list = root.init_results(results.len() as u32);
        for (i, result) in results.iter().enumerate() {
            put_result(list.reborrow().get(i as u32), result);
        }
    });
    out
}

fn put_result(mut b: w::command_result::Builder<'_>, v: &CommandResult) {
    b.set_status(match v.status {
        Status::Done => w::Status::Done,
        Status::Refused => w::Status::Refused,
        Status::Repeated => w::Status::Repeated,
        Status::Unavailable => w::Status::Unavailable,
        Status::Unknown => w::Status::Unknown,
    });
    b.set_refusal(v.refusal.map_or(0, e::Refusal::code));
    b.set_affected(v.affected);
    if !v.reason.is_empty() {
        b.set_reason(v.reason.as_str());
    }
    b.set_record_sequence(v.record_sequence);
    b.set_command_sequence(v.command_sequence);
    b.set_timestamp(v.timestamp);
    if let Some(order) = &v.order {
        put_summary(b.reborrow().init_order(), order);
    }
    if let Some(first) = &v.first {
        put_first(b.init_first(), first);
    }
}

pub fn decode_results(bytes: &[u8]) -> Result<Vec<CommandResult>, WireError> {
    let message = frame::open(bytes)?;
    let results = message.get_root::<w::command_results::Reader<'_>>()?.get_results()?;
    results.iter().map(get_result).collect()
}

fn get_result(r: w::command_result::Reader<'_>) -> Result<CommandResult, WireError> {
    Ok(CommandResult {
        status: match r.get_status()? {
            w::Status::Done => Status::Done,
            w::Status::Refused => Status::Refused,
            w::Status::Repeated => Status::Repeated,
            w::Status::Unavailable => Status::Unavailable,
            w::Status::Unknown => Status::Unknown,
        },
        refusal: optional_code(r.get_refusal(), refusal_from)?,
        reason: r.get_reason()?.to_string().map_err(|_| WireError::Invalid("reason"))?,
        record_sequence: r.get_record_sequence(),
        command_sequence: r.get_command_sequence(),
        timestamp: r.get_timestamp(),
        order: if r.has_order() {
            Some(get_summary(r.get_order()?)?)
        } else {
            None
        },
        affected: r.get_affected(),
        first: if r.has_first() {
            Some(get_first(r.get_first()?)?)
        } else {
            None
        },
    })
}
