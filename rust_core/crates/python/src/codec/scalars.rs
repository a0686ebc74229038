//! The engine's scalars as Python values, in both directions: ids, symbols, named constants, money.
//!
//! Ids are `str` UUIDs in the canonical lower-case form, symbols and currencies are `str`. Names (sides, reasons, …) are
//! interned, so that a million events share one `"buy"`.

use cift_engine::*;
use cift_wire::Named;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyAny, PyDict, PyList, PyString, PyTuple};
use pyo3::{intern, IntoPyObjectExt};

use super::fields::{dict_of, expected, text_of, Bad, Fields, FromField};

const HEX: &[u8; 16] = b"0123456789abcdef";

/// `8-4-4-4-12` lower-case hex digits of a UUID.
pub fn uuid_text(id: u128) -> [u8; 36] {
    let mut text = [b'-'; 36];
    let mut at = 0;
    for (index, byte) in id.to_be_bytes().into_iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            at += 1;
        }
        text[at] = HEX[(byte >> 4) as usize];
        text[at + 1] = HEX[(byte & 15) as usize];
        at += 2;
    }
    text
}

/// Hex digits of `bytes`, lower case.
pub fn hex_text(bytes: &[u8]) -> String {
    let digits = bytes
        .iter()
        .flat_map(|byte| [HEX[(byte >> 4) as usize], HEX[(byte & 15) as usize]]);
    digits.map(char::from).collect()
}

/// Parses exactly `N` bytes of hex; `None` for another length or another character.
pub fn parse_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != N * 2 {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(bytes)
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

/// A UUID in canonical form, upper or lower case. The forms without dashes, with braces and as a URN are refused, so
/// that an id has one spelling.
pub fn parse_uuid(text: &str) -> Option<u128> {
    let digits = text.as_bytes();
    if digits.len() != 36 {
        return None;
    }
    let mut id = 0u128;
    for (index, &digit) in digits.iter().enumerate() {
        if matches!(index, 8 | 13 | 18 | 23) {
            if digit != b'-' {
                return None;
            }
        } else {
            id = id << 4 | u128::from(nibble(digit)?);
        }
    }
    Some(id)
}

/// Slots of the cache in [`Texts`], a power of two. An id replaces another id of the same slot.
const TEXT_SLOTS: usize = 1024;

/// The `str` objects of the ids and symbols of one call. The same id gives the same object: it is made once, and Python
/// compares it by identity.
pub struct Texts<'py> {
    py: Python<'py>,
    ids: Vec<Option<(u128, Bound<'py, PyString>)>>,
    symbol: Option<(Symbol, Bound<'py, PyString>)>,
}

impl<'py> Texts<'py> {
    pub fn new(py: Python<'py>) -> Self {
        Texts {
            py,
            ids: Vec::new(),
            symbol: None,
        }
    }

    pub fn py(&self) -> Python<'py> {
        self.py
    }

    fn id(&mut self, id: u128) -> Bound<'py, PyString> {
        if self.ids.is_empty() {
            self.ids.resize(TEXT_SLOTS, None);
        }
        let mixed = (id as u64 ^ (id >> 64) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let slot = &mut self.ids[(mixed >> 54) as usize];
        if let Some((known, text)) = slot {
            if *known == id {
                return text.clone();
            }
        }
        let bytes = uuid_text(id);
        let text = PyString::new(self.py, std::str::from_utf8(&bytes).unwrap_or_default());
        *slot = Some((id, text.clone()));
        text
    }

    fn symbol(&mut self, symbol: Symbol) -> Bound<'py, PyString> {
        if let Some((known, text)) = &self.symbol {
            if *known == symbol {
                return text.clone();
            }
        }
        let text = PyString::new(self.py, &padded_text(&symbol.0));
        self.symbol = Some((symbol, text.clone()));
        text
    }
}

fn padded_text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end])
}

/// A value that a dict can hold.
pub trait IntoField {
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>>;
}

impl<T: IntoField> IntoField for Option<T> {
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Some(value) => value.into_field(texts),
            None => Ok(texts.py().None().into_bound(texts.py())),
        }
    }
}

macro_rules! plain {
    ($($type:ty),+) => {$(
        impl IntoField for $type {
            #[inline]
            fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
                self.into_bound_py_any(texts.py())
            }
        }
    )+};
}
plain!(i64, u64, u32, i32, u16, bool, &str, String);

impl IntoField for i128 {
    /// Nearly all money fits 64 bits, and the general conversion takes several times as long.
    #[inline]
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        match i64::try_from(self) {
            Ok(small) => small.into_field(texts),
            Err(_) => self.into_bound_py_any(texts.py()),
        }
    }
}

macro_rules! ids {
    ($($type:ident),+) => {$(
        impl IntoField for $type {
            #[inline]
            fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
                Ok(texts.id(self.0).into_any())
            }
        }
        impl FromField for $type {
            fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
                let text = text_of(value)?;
                parse_uuid(text).map($type).ok_or_else(|| Bad::new("is not a UUID (8-4-4-4-12 hex digits)"))
            }
        }
    )+};
}
ids!(AccountId, OrderId, TransferId);

impl IntoField for Symbol {
    #[inline]
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(texts.symbol(self).into_any())
    }
}

impl IntoField for Currency {
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        padded_text(&self.0).as_ref().into_field(texts)
    }
}

/// Text of 1 to `N` printable ASCII bytes, zero padded. The engine decides which symbols exist.
fn padded<const N: usize>(value: &Bound<'_, PyAny>) -> Result<[u8; N], Bad> {
    let text = text_of(value)?;
    if text.is_empty() || text.len() > N || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Bad::new(format!("must be 1 to {N} printable ASCII characters")));
    }
    let mut bytes = [0; N];
    bytes[..text.len()].copy_from_slice(text.as_bytes());
    Ok(bytes)
}

impl FromField for Symbol {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        padded(value).map(Symbol)
    }
}

impl FromField for Currency {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        padded(value).map(Currency)
    }
}

/// The names of an enum as Python strings, by the value's place in `Named::ALL`.
type Names = PyOnceLock<Vec<Py<PyString>>>;

fn interned<'py, T: Named>(names: &Names, py: Python<'py>, place: usize) -> Option<Bound<'py, PyString>> {
    let names = names.get_or_init(py, || {
        T::ALL
            .iter()
            .map(|value| PyString::intern(py, value.name()).unbind())
            .collect()
    });
    names.get(place).map(|name| name.bind(py).clone())
}

/// Enums without data and without codes: their place in `ALL` is their discriminant.
macro_rules! named {
    ($($type:ident),+) => {$(
        impl IntoField for $type {
            #[inline]
            fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
                static NAMES: Names = PyOnceLock::new();
                match interned::<$type>(&NAMES, texts.py(), self as usize) {
                    Some(name) => Ok(name.into_any()),
                    None => self.name().into_field(texts),
                }
            }
        }
        impl FromField for $type {
            fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
                $type::from_name(text_of(value)?).ok_or_else(|| {
                    let names: Vec<&str> = $type::ALL.iter().map(|value| value.name()).collect();
                    Bad::new(format!("expected one of {}", names.join(" ")))
                })
            }
        }
    )+};
}
named!(
    AccountKind,
    AccountRole,
    AccountState,
    Side,
    OrderKind,
    SelfTradePrevention
);

/// Enums whose codes have gaps, so the cache of names is indexed by code. No command has them, so
/// they are only converted to Python.
macro_rules! engine_named {
    ($($type:ident),+) => {$(
        impl IntoField for $type {
            fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
                static NAMES: PyOnceLock<Vec<Option<Py<PyString>>>> = PyOnceLock::new();
                let py = texts.py();
                let names = NAMES.get_or_init(py, || {
                    let top = $type::ALL.iter().map(|value| value.code() as usize).max().unwrap_or(0);
                    let mut names: Vec<Option<Py<PyString>>> = (0..=top).map(|_| None).collect();
                    for value in $type::ALL {
                        names[value.code() as usize] = Some(PyString::intern(py, value.as_str()).unbind());
                    }
                    names
                });
                match names.get(self.code() as usize) {
                    Some(Some(name)) => Ok(name.bind(py).clone().into_any()),
                    _ => self.as_str().into_field(texts),
                }
            }
        }
    )+};
}
engine_named!(Refusal, OrderStatus, CloseReason, CashKind, PositionKind);

impl IntoField for TimeInForce {
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = texts.py();
        let name = match self {
            TimeInForce::Day => intern!(py, "day"),
            TimeInForce::Gtc => intern!(py, "gtc"),
            TimeInForce::Ioc => intern!(py, "ioc"),
            TimeInForce::Fok => intern!(py, "fok"),
            TimeInForce::Gtd(at) => return (intern!(py, "gtd"), at).into_bound_py_any(py),
        };
        Ok(name.clone().into_any())
    }
}

impl FromField for TimeInForce {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        const EXPECTED: &str = "expected day, gtc, ioc, fok or (\"gtd\", ns)";
        if let Some((name, number)) = pair(value)? {
            return match text_of(&name)? {
                "gtd" => i64::from_field(&number).map(TimeInForce::Gtd),
                _ => Err(Bad::new(EXPECTED)),
            };
        }
        match text_of(value).map_err(|_| Bad::new(EXPECTED))? {
            "day" => Ok(TimeInForce::Day),
            "gtc" => Ok(TimeInForce::Gtc),
            "ioc" => Ok(TimeInForce::Ioc),
            "fok" => Ok(TimeInForce::Fok),
            _ => Err(Bad::new(EXPECTED)),
        }
    }
}

impl IntoField for Trail {
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = texts.py();
        match self {
            Trail::Amount(amount) => (intern!(py, "amount"), amount).into_bound_py_any(py),
            Trail::Ppm(ppm) => (intern!(py, "ppm"), ppm).into_bound_py_any(py),
        }
    }
}

impl FromField for Trail {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        const EXPECTED: &str = "expected (\"amount\", nanos) or (\"ppm\", n)";
        let (name, number) = pair(value)?.ok_or_else(|| Bad::new(EXPECTED))?;
        match text_of(&name)? {
            "amount" => i64::from_field(&number).map(Trail::Amount),
            "ppm" => u32::from_field(&number).map(Trail::Ppm),
            _ => Err(Bad::new(EXPECTED)),
        }
    }
}

type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// The two items of a tuple or list; `None` if the value is neither. Lists are accepted because JSON has no tuples.
fn pair<'py>(value: &Bound<'py, PyAny>) -> Result<Option<Pair<'py>>, Bad> {
    if !value.is_instance_of::<PyTuple>() && !value.is_instance_of::<PyList>() {
        return Ok(None);
    }
    let items = value
        .extract::<Vec<Bound<'py, PyAny>>>()
        .map_err(|_| expected("a pair", value))?;
    let [name, number]: [Bound<'py, PyAny>; 2] = items.try_into().map_err(|_| Bad::new("expected a pair"))?;
    Ok(Some((name, number)))
}

/// The digests of an idempotent command, for a decoded command that is encoded again.
impl FromField for Request {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        let py = value.py();
        let mut fields = Fields::new(dict_of(value)?);
        let key = fields.get::<Digest>(intern!(py, "key"))?;
        let body = fields.get::<Digest>(intern!(py, "body"))?;
        fields.finish()?;
        Ok(Request {
            key: key.0,
            body: body.0,
        })
    }
}

impl IntoField for Request {
    fn into_field<'py>(self, texts: &mut Texts<'py>) -> PyResult<Bound<'py, PyAny>> {
        let py = texts.py();
        let dict = PyDict::new(py);
        dict.set_item(intern!(py, "key"), hex_text(&self.key.to_be_bytes()))?;
        dict.set_item(intern!(py, "body"), hex_text(&self.body.to_be_bytes()))?;
        Ok(dict.into_any())
    }
}

/// 128 bits as 32 hex digits.
struct Digest(u128);

impl FromField for Digest {
    fn from_field(value: &Bound<'_, PyAny>) -> Result<Self, Bad> {
        let bytes = parse_hex::<16>(text_of(value)?).ok_or_else(|| Bad::new("expected 32 hex digits"))?;
        Ok(Digest(u128::from_be_bytes(bytes)))
    }
}
