//! Spans of traced commands: receive, risk, match, append, ack.
//!
//! A request names its traced commands in the header `traceparent` of its NATS message. The journal's
//! records carry the same ids for every command, traced or not, so tracing changes no record: what follows
//! the journal gets the trace context in the headers of the record's message. Headers are in no replay and in
//! no archive.
//!
//! Without a collector ([`Tracer`]) this module does nothing, and headers of requests are not read.
use async_nats::header::HeaderMap;
use async_nats::Message;
use cift_daemon::log::wall_clock_ns;
use cift_daemon::trace::{list, parse_list, Context, Kind, Span, Tracer, TRACEPARENT};
use cift_engine::{Command, Engine, Outcome};
use cift_wire::text::uuid_text;
use cift_wire::Meta;
use std::cell::Cell;
use std::collections::HashMap;

/// Traced commands that wait to be applied. Beyond, further ones are not traced.
const WAITING_MAX: usize = 4_096;
/// A command that was not applied within this time was rejected with its request, and has no spans here.
const WAITING_NS: i64 = 10_000_000_000;
/// Traced commands of one record. Beyond, further ones have no spans after `match`.
pub const TRACED_PER_RECORD: usize = 16;

thread_local! {
    /// When the command that is being applied passed the engine's checks; 0: it has not.
    static CHECKED_NS: Cell<i64> = const { Cell::new(0) };
}

fn note_checked() {
    CHECKED_NS.set(wall_clock_ns());
}

/// A traced command that is in the open batch, or in the record in flight.
pub struct Traced {
    /// Its trace, and its span in this process.
    command: Context,
    parent: u64,
    name: &'static str,
    order: Option<String>,
    refusal: Option<String>,
    received_ns: i64,
    /// The span of the append, the parent of what follows the journal.
    append: u64,
}

/// The trace of the command that is being applied.
pub struct Applying {
    context: Context,
    received_ns: i64,
    started_ns: i64,
}

#[derive(Default)]
pub struct Traces {
    tracer: Option<Tracer>,
    /// Arrival of traced commands by the context in their envelope.
    waiting: HashMap<Context, i64>,
    batch: Vec<Traced>,
}

impl Traces {
    pub fn new(tracer: Option<Tracer>) -> Traces {
        Traces {
            tracer,
            ..Traces::default()
        }
    }

    /// Notes the arrival of a request's traced commands.
    pub fn received(&mut self, message: &Message) {
        let (Some(_), Some(headers)) = (&self.tracer, &message.headers) else {
            return;
        };
        let now = wall_clock_ns();
        if self.waiting.len() >= WAITING_MAX {
            self.waiting.retain(|_, received_ns| now - *received_ns < WAITING_NS);
        }
        let values = headers.get(TRACEPARENT).map_or("", |value| value.as_str());
        for context in parse_list(values) {
            if self.waiting.len() < WAITING_MAX {
                self.waiting.insert(context, now);
            }
        }
    }

    /// Called before a command is applied. `None`: it is not traced.
    pub fn begin(&mut self, meta: &Meta<'_>, engine: &mut Engine) -> Option<Applying> {
        if self.waiting.is_empty() {
            return None;
        }
        let context = Context {
            trace: meta.trace,
            span: meta.span,
        };
        let received_ns = self.waiting.remove(&context)?;
        CHECKED_NS.set(0);
        engine.set_after_checks(Some(note_checked));
        Some(Applying {
            context,
            received_ns,
            started_ns: wall_clock_ns(),
        })
    }

    /// Called after a traced command was applied. If it is `recorded`, its spans end with its record;
    /// otherwise here.
    pub fn applied(
        &mut self,
        applying: Applying,
        command: &Command,
        outcome: &Outcome,
        recorded: bool,
        engine: &mut Engine,
    ) {
        engine.set_after_checks(None);
        let Some(tracer) = &self.tracer else { return };
        let ended_ns = wall_clock_ns();
        let Applying {
            context,
            received_ns,
            started_ns,
        } = applying;
        let (name, order) = describe(command);
        let traced = Traced {
            command: Context {
                trace: context.trace,
                span: tracer.new_id(),
            },
            parent: context.span,
            name,
            order,
            refusal: match outcome {
                Outcome::Refused(reason) => Some(format!("{reason:?}")),
                _ => None,
            },
            received_ns,
            append: tracer.new_id(),
        };
        tracer.record(traced.child(tracer, "receive", received_ns, started_ns));
        let checked_ns = match CHECKED_NS.get() {
            0 => ended_ns,
            at => at,
        };
        let mut risk = traced.child(tracer, "risk", started_ns, checked_ns);
        risk.error.clone_from(&traced.refusal);
        tracer.record(risk);
        if checked_ns < ended_ns {
            tracer.record(traced.child(tracer, "match", checked_ns, ended_ns));
        }
        if recorded && self.batch.len() < TRACED_PER_RECORD {
            self.batch.push(traced);
        } else {
            tracer.record(traced.server(ended_ns, None));
        }
    }

    /// Ends the trace of a command that is not sequenced.
    pub fn rejected(&mut self, meta: &Meta<'_>, reason: &str) {
        if self.waiting.is_empty() {
            return;
        }
        let context = Context {
            trace: meta.trace,
            span: meta.span,
        };
        if let (Some(received_ns), Some(tracer)) = (self.waiting.remove(&context), &self.tracer) {
            tracer.record(Span {
                name: "engine".into(),
                context: Context {
                    trace: context.trace,
                    span: tracer.new_id(),
                },
                parent: context.span,
                kind: Kind::Server,
                started_ns: received_ns,
                ended_ns: wall_clock_ns(),
                attributes: Vec::new(),
                error: Some(reason.to_owned()),
            });
        }
    }

    /// The traced commands of the batch that is being published.
    pub fn take_batch(&mut self) -> Vec<Traced> {
        std::mem::take(&mut self.batch)
    }

    /// Ends the spans of a record's commands: `published_ns`, `acknowledged_ns`, and now, when the replies
    /// are sent.
    pub fn acknowledged(&self, commands: &[Traced], record: u64, published_ns: i64, acknowledged_ns: i64) {
        let Some(tracer) = &self.tracer else { return };
        let now = wall_clock_ns();
        for traced in commands {
            let mut append = traced.child(tracer, "append", published_ns, acknowledged_ns);
            append.context.span = traced.append;
            append.kind = Kind::Producer;
            append.attributes.push(("cift.record", record.to_string()));
            tracer.record(append);
            tracer.record(traced.child(tracer, "ack", acknowledged_ns, now));
            tracer.record(traced.server(now, Some(record)));
        }
    }
}

impl Traced {
    /// The context that goes with the record.
    pub fn context(&self) -> Context {
        Context {
            trace: self.command.trace,
            span: self.append,
        }
    }

    fn child(&self, tracer: &Tracer, name: &str, started_ns: i64, ended_ns: i64) -> Span {
        Span {
            name: name.into(),
            context: Context {
                trace: self.command.trace,
                span: tracer.new_id(),
            },
            parent: self.command.span,
            kind: Kind::Internal,
            started_ns,
            ended_ns,
            attributes: Vec::new(),
            error: None,
        }
    }

    fn server(&self, ended_ns: i64, record: Option<u64>) -> Span {
        let mut attributes = Vec::new();
        attributes.extend(self.order.clone().map(|order| ("cift.order_id", order)));
        attributes.extend(record.map(|record| ("cift.record", record.to_string())));
        Span {
            name: format!("engine {}", self.name),
            context: self.command,
            parent: self.parent,
            kind: Kind::Server,
            started_ns: self.received_ns,
            ended_ns,
            attributes,
            error: self.refusal.clone(),
        }
    }
}

/// Adds the contexts to the headers of a message, if there are any.
pub fn append_to(headers: &mut HeaderMap, contexts: &[Context]) {
    if !contexts.is_empty() {
        headers.insert(TRACEPARENT, list(contexts));
    }
}

/// Bytes that the contexts add to a stored message: `traceparent: `, 55 bytes each with commas between, `\r\n`.
pub fn header_bytes(contexts: usize) -> usize {
    match contexts {
        0 => 0,
        count => TRACEPARENT.len() + 2 + count * 56 - 1 + 2,
    }
}

/// The name of a command, and its order.
fn describe(command: &Command) -> (&'static str, Option<String>) {
    let (name, order) = match command {
        Command::PlaceOrder(order) => ("place_order", Some(order.order)),
        Command::ReplaceOrder(replace) => ("replace_order", Some(replace.order)),
        Command::CancelOrder { order, .. } => ("cancel_order", Some(*order)),
        Command::CancelAll { .. } => ("cancel_all", None),
        Command::Deposit { .. } => ("deposit", None),
        Command::Withdraw { .. } => ("withdraw", None),
        _ => ("command", None),
    };
    (name, order.map(|order| uuid_text(order.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stored_size_of_contexts_is_that_of_their_header() {
        for count in [0, 1, 2, TRACED_PER_RECORD] {
            let mut headers = HeaderMap::new();
            append_to(&mut headers, &vec![Context { trace: 5, span: 7 }; count]);
            let bytes: usize = headers
                .iter()
                .flat_map(|(name, values)| values.iter().map(move |value| format!("{name}: {value}\r\n").len()))
                .sum();
            assert_eq!(header_bytes(count), bytes);
        }
    }
}
