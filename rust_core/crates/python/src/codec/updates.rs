//! The messages of UPDATES: which items a reader wants, and those of a message.
//!
//! A process wants few of the items of a busy exchange. [`Wanted`] finds them without a Python object for the others.

use std::collections::HashMap;

use cift_engine::AccountId;
use cift_wire::annotation::{Field, Module};
use cift_wire::text::{parse_symbol, parse_uuid};
use cift_wire::update::{self, ItemId, Key, Kind};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString};
use pyo3::{intern, wrap_pyfunction};

use super::invalid;

/// Symbols and accounts, each with the kinds of items that are wanted of it.
#[pyclass(module = "cift_core.wire")]
#[derive(Default)]
pub struct Wanted(HashMap<Key, u8>);

fn bit(kind: Kind) -> u8 {
    1 << (kind as u8)
}

fn kind_of(name: &str) -> PyResult<Kind> {
    let found = Kind::ALL.iter().find(|kind| kind.as_str() == name);
    found
        .copied()
        .ok_or_else(|| PyValueError::new_err(format!("there is no kind of item {name}")))
}

fn key_of(kind: Kind, key: &str) -> PyResult<Key> {
    let found = match kind {
        Kind::Trade | Kind::Quote | Kind::Book | Kind::Bar => parse_symbol(key).map(Key::Symbol),
        _ => parse_uuid(key).map(|id| Key::Account(AccountId(id))),
    };
    found.ok_or_else(|| PyValueError::new_err(format!("{key} is no symbol or account")))
}

#[pymethods]
impl Wanted {
    #[new]
    fn new() -> Self {
        Wanted::default()
    }

    /// Want the items of a kind about a symbol or an account.
    fn add(&mut self, kind: &str, key: &str) -> PyResult<()> {
        let kind = kind_of(kind)?;
        *self.0.entry(key_of(kind, key)?).or_insert(0) |= bit(kind);
        Ok(())
    }

    /// No longer want them.
    fn discard(&mut self, kind: &str, key: &str) -> PyResult<()> {
        let kind = kind_of(kind)?;
        let key = key_of(kind, key)?;
        if let Some(kinds) = self.0.get_mut(&key) {
            *kinds &= !bit(kind);
            if *kinds == 0 {
                self.0.remove(&key);
            }
        }
        Ok(())
    }

    fn __len__(&self) -> usize {
        self.0.len()
    }
}

/// Decode a message of UPDATES. `items` are those that `wanted` names, or all of one kind if it is that kind's name;
/// each is (kind, command, index, message). Decode the message with the function of its kind.
#[pyfunction]
#[pyo3(signature = (data, wanted, /))]
fn decode_update<'py>(py: Python<'py>, data: &[u8], wanted: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyDict>> {
    let items = PyList::empty(py);
    let mut failed = Ok(());
    let mut add = |item: update::Item<&[u8]>| {
        let kind = PyString::intern(py, item.kind.as_str());
        let added = items.append((kind, item.id.command, item.id.index, PyBytes::new(py, item.data)));
        failed = std::mem::replace(&mut failed, Ok(())).and(added);
    };
    let header = if let Ok(wanted) = wanted.cast::<Wanted>() {
        let wanted = wanted.borrow();
        update::decode(data, |item| {
            if wanted.0.get(&item.key).is_some_and(|kinds| kinds & bit(item.kind) != 0) {
                add(item);
            }
        })
    } else {
        let only = kind_of(wanted.extract()?)?;
        update::decode(data, |item| {
            if item.kind == only {
                add(item);
            }
        })
    };
    failed?;
    let header = header.map_err(invalid)?;
    let id = |id: ItemId| (id.command, id.index);
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "record"), header.record)?;
    dict.set_item(intern!(py, "timestamp"), header.timestamp)?;
    dict.set_item(intern!(py, "previous"), id(header.previous))?;
    dict.set_item(intern!(py, "last"), id(header.last))?;
    dict.set_item(intern!(py, "items"), items)?;
    Ok(dict)
}

/// Writes the type of a decoded update.
pub fn define(module: &mut Module) {
    let keys = [
        Field::new("record", "int"),
        Field::new("timestamp", "int"),
        Field::new("previous", "tuple[int, int]"),
        Field::new("last", "tuple[int, int]"),
        Field::new("items", "list[tuple[str, int, int, bytes]]"),
    ];
    let doc = "A message of UPDATES; `previous` and `last` are the last ids of the update before it and of it.";
    module.class("UpdateMessage", doc, &[], &keys);
}

/// Puts these into the module.
pub fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Wanted>()?;
    module.add_function(wrap_pyfunction!(decode_update, module)?)
}
