//! The wire codec: bytes of `cift-wire` ↔ Python dicts.
//!
//! `cift-wire` defines the layout of the bytes, this module that of the dicts. Names of fields are those of the engine's
//! types in snake case; prices, quantities and money are `int` nanos, ids `str` UUIDs, times `int` ns. `types` writes the
//! same layout as Python types.
//!
//! No class stands between bytes and dicts: a record is read once, and each event's dict is built from the engine's
//! value with interned keys. The GIL is held throughout, because nearly all the time goes into making Python objects.
//!
//! A dict that cannot be encoded and bytes that cannot be decoded are a `ValueError`; for a dict it names the command
//! and the field.

mod commands;
mod events;
mod fields;
mod published;
mod scalars;
mod types;
mod updates;

use cift_engine::{Outcome, Request};
use cift_wire::command::request_of as wire_request_of;
use cift_wire::digest::verb;
use cift_wire::limits::{
    MAX_CLIENT_ORDER_ID_BYTES, MAX_COMMANDS_PER_REQUEST, MAX_IDEMPOTENCY_KEY_BYTES, MAX_REQUEST_BYTES,
};
use cift_wire::{body_digest, request_key, Envelope, Meta, Record, WireError};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use pyo3::{intern, wrap_pyfunction};

use commands::{read_command, request_of, set_fields, write_command};
use events::event_dict;
use fields::{dict_of, text_of, Bad, Fields, FromField};
use scalars::{hex_text, parse_hex, IntoField, Texts};

/// Why decoding stops: the bytes are invalid, or Python raised an exception.
enum Stop {
    Wire(WireError),
    Python(PyErr),
}

impl From<WireError> for Stop {
    fn from(error: WireError) -> Stop {
        Stop::Wire(error)
    }
}

impl From<PyErr> for Stop {
    fn from(error: PyErr) -> Stop {
        Stop::Python(error)
    }
}

impl Stop {
    fn into_error(self) -> PyErr {
        match self {
            Stop::Wire(error) => invalid(error),
            Stop::Python(error) => error,
        }
    }
}

fn invalid(error: WireError) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// Longest name of a command.
const MAX_TYPE_BYTES: usize = 32;

/// A text of 1 to `N` bytes.
struct Bounded<const N: usize>(String);

impl<const N: usize> FromField for Bounded<N> {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        let text = text_of(value)?;
        if text.is_empty() || text.len() > N {
            return Err(Bad::new(format!("must be 1 to {N} bytes long")));
        }
        Ok(Bounded(text.to_owned()))
    }
}

/// `N` bytes as hex digits.
struct Hex<const N: usize>([u8; N]);

impl<const N: usize> FromField for Hex<N> {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        let bytes = parse_hex(text_of(value)?).ok_or_else(|| Bad::new(format!("expected {} hex digits", N * 2)))?;
        Ok(Hex(bytes))
    }
}

/// A command and its envelope, with owned texts.
struct Sent {
    trace: u128,
    span: u64,
    expires_at: i64,
    client_order_id: Option<Bounded<MAX_CLIENT_ORDER_ID_BYTES>>,
    command: cift_engine::Command,
}

fn read_sent(value: &Bound<'_, PyAny>) -> Result<Sent, Bad> {
    let py = value.py();
    let mut fields = Fields::new(dict_of(value)?);
    let Bounded(kind) = fields.get::<Bounded<MAX_TYPE_BYTES>>(intern!(py, "type"))?;
    let trace: Option<Hex<16>> = fields.get(intern!(py, "trace_id"))?;
    let span: Option<Hex<8>> = fields.get(intern!(py, "span_id"))?;
    let expires_at: Option<i64> = fields.get(intern!(py, "expires_at"))?;
    let client_order_id = fields.get(intern!(py, "client_order_id"))?;
    let key: Option<Bounded<MAX_IDEMPOTENCY_KEY_BYTES>> = fields.get(intern!(py, "idempotency_key"))?;
    let mut command = read_command(&kind, &mut fields, py)?;
    fields.finish()?;
    if let Some(key) = key {
        const FIELD: &str = "idempotency_key";
        let body = body_digest(&command);
        let verb = verb(&command);
        let Some((account, request)) = request_of(&mut command) else {
            return Err(Bad::new(format!("the command {kind} takes none")).within(FIELD));
        };
        if request.is_some() {
            return Err(Bad::new("is given beside request; give one of them").within(FIELD));
        }
        *request = Some(Request {
            key: request_key(account, verb, &key.0),
            body,
        });
    }
    Ok(Sent {
        trace: trace.map_or(0, |hex| u128::from_be_bytes(hex.0)),
        span: span.map_or(0, |hex| u64::from_be_bytes(hex.0)),
        expires_at: expires_at.unwrap_or(0),
        client_order_id,
        command,
    })
}

/// Encode a request: bytes of a CommandBatch for `engine.<shard>.command`.
#[pyfunction]
#[pyo3(signature = (commands, /))]
fn encode_commands<'py>(py: Python<'py>, commands: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyBytes>> {
    if commands.len() > MAX_COMMANDS_PER_REQUEST {
        let message = format!(
            "{} commands: at most {MAX_COMMANDS_PER_REQUEST} in one request",
            commands.len()
        );
        return Err(PyValueError::new_err(message));
    }
    let mut sent = Vec::with_capacity(commands.len());
    for (index, command) in commands.iter().enumerate() {
        sent.push(read_sent(&command).map_err(|bad| bad.into_error(index))?);
    }
    let envelopes: Vec<Envelope<'_>> = sent
        .iter()
        .map(|sent| Envelope {
            meta: Meta {
                trace: sent.trace,
                span: sent.span,
                expires_at: sent.expires_at,
                client_order_id: sent.client_order_id.as_ref().map_or("", |id| &id.0),
            },
            command: sent.command,
        })
        .collect();
    let bytes = cift_wire::encode_commands(&envelopes);
    if bytes.len() > MAX_REQUEST_BYTES {
        let message = format!("{} bytes: at most {MAX_REQUEST_BYTES} in one request", bytes.len());
        return Err(PyValueError::new_err(message));
    }
    Ok(PyBytes::new(py, &bytes))
}

/// The command with its envelope; absent keys of the envelope are `None`.
fn envelope_dict<'py>(envelope: &Envelope<'_>, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyDict>> {
    let py = texts.py();
    let dict = PyDict::new(py);
    write_command(&envelope.command, &dict, texts)?;
    let meta = &envelope.meta;
    let trace = (meta.trace != 0).then(|| hex_text(&meta.trace.to_be_bytes()));
    let span = (meta.span != 0).then(|| hex_text(&meta.span.to_be_bytes()));
    let client = (!meta.client_order_id.is_empty()).then_some(meta.client_order_id);
    dict.set_item(intern!(py, "trace_id"), trace)?;
    dict.set_item(intern!(py, "span_id"), span)?;
    dict.set_item(
        intern!(py, "expires_at"),
        (meta.expires_at != 0).then_some(meta.expires_at),
    )?;
    dict.set_item(intern!(py, "client_order_id"), client)?;
    debug_assert!(request_matches(envelope));
    Ok(dict)
}

/// Whether `cift-wire` finds the same request in the command.
fn request_matches(envelope: &Envelope<'_>) -> bool {
    let mut command = envelope.command;
    request_of(&mut command).and_then(|(_, request)| *request) == wire_request_of(&envelope.command)
}

/// Decode a CommandBatch, as matchd does.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_commands<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
    let mut texts = Texts::new(py);
    let list = PyList::empty(py);
    let mut failed = None;
    let batch = cift_wire::CommandBatch::open(data).map_err(invalid)?;
    batch
        .for_each(|envelope| {
            if failed.is_none() {
                failed = envelope_dict(&envelope, &mut texts)
                    .and_then(|dict| list.append(dict))
                    .err();
            }
        })
        .map_err(invalid)?;
    failed.map_or(Ok(list), Err)
}

/// Decode the reply to a request: one dict a command, in the order of the request.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_results<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyList>> {
    let mut texts = Texts::new(py);
    let list = PyList::empty(py);
    for result in cift_wire::decode_results(data).map_err(invalid)? {
        let texts = &mut texts;
        let dict = PyDict::new(py);
        let reason = (!result.reason.is_empty()).then_some(result.reason.as_str());
        dict.set_item(intern!(py, "status"), PyString::intern(py, result.status.as_str()))?;
        dict.set_item(
            intern!(py, "reason"),
            reason.or(result.refusal.map(|refusal| refusal.as_str())),
        )?;
        set_fields!(dict, texts, result.{ record_sequence, command_sequence, timestamp, order, affected, first });
        list.append(dict)?;
    }
    Ok(list)
}

/// `{"status": "done", "order": …, "affected": …}`, or with `reason` (refused) or `first` (repeated).
fn outcome_dict<'py>(outcome: &Outcome, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyDict>> {
    let py = texts.py();
    let dict = PyDict::new(py);
    let status = match outcome {
        Outcome::Done { .. } => intern!(py, "done"),
        Outcome::Refused(_) => intern!(py, "refused"),
        Outcome::Repeated { .. } => intern!(py, "repeated"),
    };
    dict.set_item(intern!(py, "status"), status)?;
    match *outcome {
        Outcome::Done { order, affected } => set_fields!(dict, texts, { order, affected }),
        Outcome::Refused(reason) => set_fields!(dict, texts, { reason }),
        Outcome::Repeated { first } => set_fields!(dict, texts, { first }),
    }
    Ok(dict)
}

/// Decode one message of the journal: commands, outcomes and events.
#[pyfunction]
#[pyo3(signature = (data, /))]
fn decode_record<'py>(py: Python<'py>, data: &[u8]) -> PyResult<Bound<'py, PyDict>> {
    let record = Record::open(data).map_err(invalid)?;
    let header = record.header().map_err(invalid)?;
    let mut texts = Texts::new(py);
    let entries = PyList::empty(py);
    let mut events = Vec::new();
    record
        .for_each(&mut events, |envelope, outcome, events| -> Result<(), Stop> {
            let texts = &mut texts;
            let list = PyList::empty(py);
            for event in events {
                list.append(event_dict(event, texts)?)?;
            }
            let entry = PyDict::new(py);
            entry.set_item(intern!(py, "command"), envelope_dict(&envelope, texts)?)?;
            entry.set_item(intern!(py, "outcome"), outcome_dict(&outcome, texts)?)?;
            entry.set_item(intern!(py, "events"), list)?;
            entries.append(entry)?;
            Ok(())
        })
        .map_err(Stop::into_error)?;
    let dict = PyDict::new(py);
    let texts = &mut texts;
    set_fields!(dict, texts, header.{ format, rules, epoch });
    dict.set_item(intern!(py, "previous_hash"), hex_text(&header.previous_hash))?;
    dict.set_item(intern!(py, "state_hash"), header.state_hash.map(|hash| hex_text(&hash)))?;
    set_fields!(dict, texts, header.{ timestamp, first_command });
    dict.set_item(intern!(py, "entries"), entries)?;
    Ok(dict)
}

/// Puts the codec's functions into the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(encode_commands, module)?)?;
    module.add_function(wrap_pyfunction!(decode_commands, module)?)?;
    module.add_function(wrap_pyfunction!(decode_results, module)?)?;
    module.add_function(wrap_pyfunction!(decode_record, module)?)?;
    types::add_to(module)?;
    updates::add_to(module)?;
    published::add_to(module)
}
