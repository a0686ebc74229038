//! The journal's messages: a record contains the commands of a batch and the events they caused.
//!
//! A record is written from the engine's values and read by reference. Equal values give equal messages: recovery applies
//! a record's commands, writes the message again from the results, and compares the two byte by byte. The journal has
//! the message in its stored form (`compact.rs`). The chain of `previous_hash` binds each record to all records before
//! it; it is over the stored form.
use crate::command::{envelope_content_words, put_envelope, Envelope, Meta};
use crate::command_read::get_envelope;
use crate::compact;
use crate::convert::*;
use crate::event::get_event;
use crate::event_write::{event_content_words, put_event, EVENT_WORDS};
use crate::frame::{self, struct_words, Message, WireError};
use crate::record_capnp as w;
use cift_engine::{Command, CommandSequence, Event, Outcome, Timestamp};

/// blake3 of a whole message, or of the engine's snapshot bytes.
pub type RecordHash = [u8; 32];
/// The `previous_hash` of the first record.
pub const NO_RECORD: RecordHash = [0; 32];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub format: u16,
    pub rules: u32,
    pub epoch: u64,
    pub previous_hash: RecordHash,
    /// blake3 of the engine's snapshot bytes after this record, where a snapshot was taken.
    pub state_hash: Option<RecordHash>,
    /// `ts` of every command of the record.
    pub timestamp: Timestamp,
    /// Sequence of the first command; the others follow.
    pub first_command: CommandSequence,
}

/// One command with its outcome and events, by reference.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    pub meta: Meta<'a>,
    pub command: &'a Command,
    pub outcome: &'a Outcome,
    pub events: &'a [Event],
}

const ENTRY_WORDS: usize = struct_words::<w::entry::Builder<'static>>();
// Record struct, hash (4 words), optional state hash (4), list tag.
const RECORD_WORDS: usize = struct_words::<w::record::Builder<'static>>() + 4 + 1;

/// Words that this entry adds to a record. A batch counts them to know when to close.
pub fn entry_words(meta: &Meta<'_>, command: &Command, outcome: &Outcome, events: &[Event]) -> usize {
    let outcome = match outcome {
        Outcome::Done { order: Some(_), .. } => SUMMARY_WORDS,
        Outcome::Done { order: None, .. } | Outcome::Refused(_) => 0,
        Outcome::Repeated { first } => first_words(first),
    };
    // Envelope and list tag are content; an empty list is no content at all.
    let list = if events.is_empty() {
        0
    } else {
        1 + events.len() * EVENT_WORDS
    };
    ENTRY_WORDS
        + crate::command::ENVELOPE_WORDS
        + envelope_content_words(meta, command)
        + outcome
        + list
        + events.iter().map(event_content_words).sum::<usize>()
}

/// Encodes a record in its stored form.
pub fn encode_record<'a, I>(header: &Header, entries: I) -> Vec<u8>
where
    I: ExactSizeIterator<Item = Entry<'a>> + Clone,
{
    let mut out = Vec::new();
    compact::pack(&record_message(header, entries), &mut out);
    out
}

/// The message of a record, before it is packed.
pub fn record_message<'a, I>(header: &Header, entries: I) -> Vec<u8>
where
    I: ExactSizeIterator<Item = Entry<'a>> + Clone,
{
    let mut out = Vec::new();
    let words = RECORD_WORDS
        + header.state_hash.map_or(0, |_| 4)
        + entries
            .clone()
            .map(|e| entry_words(&e.meta, e.command, e.outcome, e.events))
            .sum::<usize>();
    frame::write(words, &mut out, |message| {
        let mut root: w::record::Builder<'_> = message.init_root();
        root.set_format(header.format);
        root.set_rules(header.rules);
        root.set_epoch(header.epoch);
        root.set_previous_hash(&header.previous_hash);
        if let Some(hash) = &header.state_hash {
            root.set_state_hash(hash);
        }
        root.set_timestamp(header.timestamp);
        root.set_first_command(header.first_command);
        let mut list = root.init_entries(entries.len() as u32);
        for (i, entry) in entries.enumerate() {
            put_entry(list.reborrow().get(i as u32), &entry);
        }
    });
    out
}

fn put_entry(mut b: w::entry::Builder<'_>, entry: &Entry<'_>) {
    put_envelope(b.reborrow().init_envelope(), &entry.meta, entry.command);
    if !entry.events.is_empty() {
        let mut events = b.reborrow().init_events(entry.events.len() as u32);
        for (i, event) in entry.events.iter().enumerate() {
            put_event(events.reborrow().get(i as u32), event);
        }
    }
    match entry.outcome {
        Outcome::Done { order, affected } => {
            b.set_affected(*affected);
            let mut outcome = b.init_outcome();
            match order {
                Some(order) => put_summary(outcome.init_done(), order),
                // `done` is the default (0), so nothing has to be set.
                None => debug_assert!(!outcome.reborrow().has_done()),
            }
        }
        Outcome::Refused(reason) => b.init_outcome().set_refused(reason.code()),
        Outcome::Repeated { first } => put_first(b.init_outcome().init_repeated(), first),
    }
}

/// A record, unpacked.
pub struct Record(Vec<u8>);

impl Record {
    /// Unpacks a record from its stored form.
    pub fn open(stored: &[u8]) -> Result<Record, WireError> {
        let message = compact::unpack(stored)?;
        frame::open(&message)?;
        Ok(Record(message))
    }

    /// The message; equal records have equal messages.
    pub fn message(&self) -> &[u8] {
        &self.0
    }

    fn reader(&self) -> Result<Message<'_>, WireError> {
        frame::open(&self.0)
    }

    pub fn header(&self) -> Result<Header, WireError> {
        let message = self.reader()?;
        let r = message.get_root::<w::record::Reader<'_>>()?;
        let previous = r.get_previous_hash()?;
        let state = r.get_state_hash()?;
        let state_hash = if state.is_empty() {
            None
        } else {
            Some(hash_from(state)?)
        };
        Ok(Header {
            format: r.get_format(),
            rules: r.get_rules(),
            epoch: r.get_epoch(),
            previous_hash: hash_from(previous)?,
            state_hash,
            timestamp: r.get_timestamp(),
            first_command: r.get_first_command(),
        })
    }

    /// Number of commands.
    pub fn len(&self) -> Result<usize, WireError> {
        let message = self.reader()?;
        Ok(message.get_root::<w::record::Reader<'_>>()?.get_entries()?.len() as usize)
    }
    pub fn is_empty(&self) -> Result<bool, WireError> {
        Ok(self.len()? == 0)
    }

    /// Decodes every entry, in order. `events` is a buffer: it is cleared and filled for each command.
    pub fn for_each<E: From<WireError>>(
        &self,
        events: &mut Vec<Event>,
        mut each: impl FnMut(Envelope<'_>, Outcome, &[Event]) -> Result<(), E>,
    ) -> Result<(), E> {
        let message = self.reader()?;
        let entries = message
            .get_root::<w::record::Reader<'_>>()
            .map_err(WireError::from)?
            .get_entries();
        for entry in entries.map_err(WireError::from)?.iter() {
            events.clear();
            for event in entry.get_events().map_err(WireError::from)?.iter() {
                events.push(get_event(event)?);
            }
            let envelope = get_envelope(entry.get_envelope().map_err(WireError::from)?)?;
            each(envelope, get_outcome(entry)?, events)?;
        }
        Ok(())
    }
}

fn get_outcome(entry: w::entry::Reader<'_>) -> Result<Outcome, WireError> {
    use w::entry::outcome::Which;
    let affected = entry.get_affected();
    let outcome = entry.get_outcome();
    let has_order = outcome.has_done();
    Ok(match outcome.which()? {
        Which::Done(order) => Outcome::Done {
            order: if has_order { Some(get_summary(order?)?) } else { None },
            affected,
        },
        Which::Refused(code) => Outcome::Refused(refusal_from(code)?),
        Which::Repeated(first) => Outcome::Repeated {
            first: get_first(first?)?,
        },
    })
}

fn hash_from(bytes: &[u8]) -> Result<RecordHash, WireError> {
    bytes.try_into().map_err(|_| WireError::Invalid("hash length"))
}
