//! Reads a Python dict as named fields. Errors name the field.
//!
//! Invariants:
//! - A key that is not read is an error: a misspelt `limit_prise` must not become a market order.
//! - A `bool` is not an integer here, although it is one in Python.
//! - `None` and an absent key mean the same.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyAny, PyDict, PyInt, PyString};

/// What is wrong, and the path of the field: `class.bracket.stop_loss.limit_price`.
pub struct Bad {
    path: String,
    what: String,
}

impl Bad {
    pub fn new(what: impl Into<String>) -> Bad {
        Bad {
            path: String::new(),
            what: what.into(),
        }
    }

    /// The same error, with `field` before its path.
    pub fn within(mut self, field: &str) -> Bad {
        if self.path.is_empty() {
            self.path = field.to_owned();
        } else {
            self.path = format!("{field}.{}", self.path);
        }
        self
    }

    /// `ValueError: commands[3].limit_price: expected an int of nanos, got float`.
    pub fn into_error(self, command: usize) -> PyErr {
        let dot = if self.path.is_empty() { "" } else { "." };
        PyValueError::new_err(format!("commands[{command}]{dot}{}: {}", self.path, self.what))
    }
}

/// A value that a field can hold.
pub trait FromField: Sized {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad>;

    /// The value of a missing field, or an error.
    fn absent() -> Result<Self, Bad> {
        Err(Bad::new("is required"))
    }
}

impl<T: FromField> FromField for Option<T> {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        T::from_field(value).map(Some)
    }

    fn absent() -> Result<Self, Bad> {
        Ok(None)
    }
}

pub fn expected(what: &str, got: &Bound<'_, PyAny>) -> Bad {
    let name = got
        .get_type()
        .name()
        .map(|name| name.to_string())
        .unwrap_or_else(|_| "?".to_owned());
    Bad::new(format!("expected {what}, got {name}"))
}

/// The fields of one dict.
pub struct Fields<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    read: Vec<&'py Bound<'py, PyString>>,
    present: usize,
}

impl<'a, 'py> Fields<'a, 'py> {
    pub fn new(dict: &'a Bound<'py, PyDict>) -> Self {
        Fields {
            dict,
            read: Vec::with_capacity(24),
            present: 0,
        }
    }

    /// The field `key`; where it is missing or `None`, [`FromField::absent`].
    pub fn get<T: FromField>(&mut self, key: &'py Bound<'py, PyString>) -> Result<T, Bad> {
        self.get_or_else(key, T::absent)
    }

    /// The field `key`, or `default` where it is missing or `None`.
    pub fn get_or<T: FromField>(&mut self, key: &'py Bound<'py, PyString>, default: T) -> Result<T, Bad> {
        self.get_or_else(key, || Ok(default))
    }

    fn get_or_else<T: FromField>(
        &mut self,
        key: &'py Bound<'py, PyString>,
        absent: impl FnOnce() -> Result<T, Bad>,
    ) -> Result<T, Bad> {
        self.read.push(key);
        let value = self.dict.get_item(key).map_err(|error| Bad::new(error.to_string()))?;
        self.present += usize::from(value.is_some());
        match value.filter(|value| !value.is_none()) {
            Some(value) => T::from_field(&value),
            None => absent(),
        }
        .map_err(|bad| bad.within(&key.to_string_lossy()))
    }

    /// Fails where a key was not read.
    pub fn finish(self) -> Result<(), Bad> {
        if self.present == self.dict.len() {
            return Ok(());
        }
        for key in self.dict.keys() {
            let known = self
                .read
                .iter()
                .any(|read| PyAnyMethods::eq(read.as_any(), &key).unwrap_or(false));
            if !known {
                return Err(Bad::new("unknown field").within(&key.to_string()));
            }
        }
        Ok(())
    }
}

/// A nested dict.
pub fn dict_of<'a, 'py>(value: &'a Bound<'py, PyAny>) -> Result<&'a Bound<'py, PyDict>, Bad> {
    value.cast::<PyDict>().map_err(|_| expected("a dict", value))
}

/// Text of a `str`.
pub fn text_of<'a>(value: &'a Bound<'_, PyAny>) -> Result<&'a str, Bad> {
    let text = value.cast::<PyString>().map_err(|_| expected("a str", value))?;
    text.to_str().map_err(|_| Bad::new("is not valid Unicode"))
}

fn integer<'a, 'py>(value: &'a Bound<'py, PyAny>, what: &str) -> Result<&'a Bound<'py, PyInt>, Bad> {
    if !value.is_exact_instance_of::<PyInt>()
        && (!value.is_instance_of::<PyInt>() || value.is_instance_of::<pyo3::types::PyBool>())
    {
        return Err(expected(what, value));
    }
    value.cast::<PyInt>().map_err(|_| expected(what, value))
}

macro_rules! integer_field {
    ($($type:ty, $what:literal);+ $(;)?) => {$(
        impl FromField for $type {
            fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
                integer(value, $what)?
                    .extract::<$type>()
                    .map_err(|_| Bad::new(format!("{} is out of range for {}", short(value), stringify!($type))))
            }
        }
    )+};
}
integer_field!(i64, "an int (nanos)"; i128, "an int (nanos)"; u64, "an int"; u32, "an int"; i32, "an int"; u16, "an int");

/// A value for an error message, cut to SHOWN_CHARS. Python refuses to print ints of more than 4,300 digits.
fn short(value: &Bound<'_, PyAny>) -> String {
    const SHOWN_CHARS: usize = 40;
    let text = value
        .str()
        .map(|text| text.to_string())
        .unwrap_or_else(|_| "the number".to_owned());
    match text.char_indices().nth(SHOWN_CHARS) {
        None => text,
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

impl FromField for bool {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        value
            .cast::<pyo3::types::PyBool>()
            .map(|flag| flag.is_true())
            .map_err(|_| expected("a bool", value))
    }
}
