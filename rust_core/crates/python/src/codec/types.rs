//! The text of `messages_gen.py`, `names_gen.py` and `limits_gen.py` in `cift/contracts`.
//!
//! The macros that encode and decode the messages also describe them, and `cift_wire::query` describes the queries, so
//! the Python types cannot differ from the dicts. `make generate` writes the files, `make lint` checks them.

use cift_wire::annotation::{define_names, Annotated, Field, Module, NAMES};
use cift_wire::{limits, query, Status};
use pyo3::prelude::*;
use pyo3::wrap_pyfunction;

use super::{commands, events, published, updates};

const HEADER: &str = r#"# Written by `make generate` from the codec in rust_core/crates/python. Do not edit.
"""The messages between Python and the engine: commands, events, records, results, queries, published ones.

Prices, quantities and money are int nanos (1e-9 of a unit) in everything that `cift_core.wire` decodes, and
decimal strings in the answers to queries. Times are int nanoseconds since the Unix epoch, ids are UUIDs in
lower case.

Keys of commands that are NotRequired may be absent in a command that is sent. A decoded command has every key
but `idempotency_key`, of which only the digests in `request` travel. Messages are immutable: build a new one.

Loading this module takes several milliseconds, so import it for type checking only. names_gen has the names
that are needed at run time.
"""

from collections.abc import Sequence
from typing import Literal, NotRequired, TypeAlias, final

from typing_extensions import ReadOnly, TypedDict

from cift.contracts.names_gen import (
    {names},
)

"#;

const NAMES_HEADER: &str = r#"# Written by `make generate` from the codec in rust_core/crates/python. Do not edit.
"""The names of the engine's enums."""

from typing import Literal, TypeAlias

"#;

const LIMITS_HEADER: &str = r#"# Written by `make generate` from rust_core/crates/wire/src/limits.rs. Do not edit.
"""Limits that Rust and Python share."""
"#;

/// The text of cift/contracts/messages_gen.py.
#[pyfunction]
fn message_types() -> String {
    let mut names: Vec<&str> = NAMES.into();
    names.sort_unstable();
    let mut module = Module::new(&HEADER.replace("{names}", &names.join(",\n    ")));
    module.code("TimeInForce: TypeAlias = Literal[\"day\", \"gtc\", \"ioc\", \"fok\"] | tuple[Literal[\"gtd\"], int]");
    module.code("Trail: TypeAlias = tuple[Literal[\"amount\"], int] | tuple[Literal[\"ppm\"], int]");
    module.class(
        "Request",
        "The digests of an idempotency key and of the command's body, 32 hex digits each.",
        &[],
        &[Field::new("key", "str"), Field::new("body", "str")],
    );
    let sent = |name, annotation: String| Field::new(name, annotation).optional();
    let text = Option::<String>::annotation;
    module.class(
        "Envelope",
        "What every command may carry: 32 and 16 hex digits of a trace, the time (ns) after which matchd refuses it.",
        &[],
        &[
            sent("trace_id", text()),
            sent("span_id", text()),
            sent("expires_at", Option::<i64>::annotation()),
            sent("client_order_id", text()),
        ],
    );
    module.class(
        "IdempotentEnvelope",
        "A command that is done once however often it is sent with the same key.",
        &["Envelope"],
        &[
            sent("idempotency_key", text()),
            sent("request", "Request | None".into()),
        ],
    );
    commands::define(&mut module);
    events::define_structs(&mut module);
    events::define(&mut module);
    define_results(&mut module);
    published::define(&mut module);
    updates::define(&mut module);
    query::define(&mut module);
    module.finish()
}

/// The text of cift/contracts/names_gen.py.
#[pyfunction]
fn message_names() -> String {
    let mut module = Module::new(NAMES_HEADER);
    define_names(&mut module);
    module.finish()
}

/// The text of cift/contracts/limits_gen.py.
#[pyfunction]
fn shared_limits() -> String {
    let mut module = Module::new(LIMITS_HEADER);
    limits::define(&mut module);
    module.finish()
}

/// What `decode_results` and `decode_record` return.
fn define_results(module: &mut Module) {
    let int = |name| Field::new(name, "int");
    let text = |name| Field::new(name, "str");
    let statuses: Vec<String> = Status::ALL
        .iter()
        .map(|status| format!("\"{}\"", status.as_str()))
        .collect();
    module.class(
        "Result",
        "The reply to one command. `order`: of a command about one order, also where the engine refused to place it.",
        &[],
        &[
            Field::new("status", format!("Literal[{}]", statuses.join(", "))),
            Field::new("reason", "str | None"),
            int("record_sequence"),
            int("command_sequence"),
            int("timestamp"),
            Field::new("order", "OrderSummary | None"),
            int("affected"),
            Field::new("first", "FirstResult | None"),
        ],
    );
    let outcome = |name: &str| Field::literal("status", name);
    module.class(
        "DoneOutcome",
        "The command was applied. `affected`: orders that cancel_all ended.",
        &[],
        &[
            outcome("done"),
            Field::new("order", "OrderSummary | None"),
            int("affected"),
        ],
    );
    module.class(
        "RefusedOutcome",
        "The command changed nothing.",
        &[],
        &[outcome("refused"), Field::new("reason", "Refusal")],
    );
    module.class(
        "RepeatedOutcome",
        "The same request came before.",
        &[],
        &[outcome("repeated"), Field::new("first", "FirstResult")],
    );
    module.code("\n\nOutcome: TypeAlias = DoneOutcome | RefusedOutcome | RepeatedOutcome");
    module.class(
        "Entry",
        "One command of a record, and what became of it.",
        &[],
        &[
            Field::new("command", "JournalCommand"),
            Field::new("outcome", "Outcome"),
            Field::new("events", "list[Event]"),
        ],
    );
    module.class(
        "Record",
        "One message of the journal. The hashes are hex digits.",
        &[],
        &[
            int("format"),
            int("rules"),
            int("epoch"),
            text("previous_hash"),
            Field::new("state_hash", "str | None"),
            int("timestamp"),
            int("first_command"),
            Field::new("entries", "list[Entry]"),
        ],
    );
}

/// Puts these functions into the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(message_types, module)?)?;
    module.add_function(wrap_pyfunction!(message_names, module)?)?;
    module.add_function(wrap_pyfunction!(shared_limits, module)?)
}
