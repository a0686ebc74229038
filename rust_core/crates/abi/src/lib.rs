//! The engine behind the C ABI of a public benchmark of matching engines
//! (<https://github.com/flash1-dev/matching-engine-benchmark>, `api/matching_engine_api.h`).
//!
//! Its harness loads `libcift_abi.so`, sends about two million messages for one instrument, and compares the stream of
//! reports with that of other engines. `python -m bench engines` does the same with a workload of our own.
//!
//! The environment variable `CIFT_ABI` selects what runs behind the ABI:
//! - `book` (the default): [`cift_engine::book::Book`] and an index of ids: matching alone, like the other engines;
//! - `engine`: `Engine::apply` with accounts, risk checks, ledger and events;
//! - `keys`: the same, each command with a request key;
//! - `btree`: a plain book of `BTreeMap`s with the same index of ids, as a baseline.
//!
//! All must give the same reports. This crate is not part of a release of the exchange.
//!
//! # Safety
//! The caller keeps the contract of the ABI: `engine_init` first, all calls from one thread, pointers to whole
//! messages.

pub mod abi;
mod book;
mod btree;
mod engine;
pub mod ids;
pub mod scenario;

use abi::{Cancel, Modify, NewOrder, Report, Transport};
use std::ffi::c_void;
use std::ptr::addr_of_mut;

/// Where reports go.
pub struct Reports {
    push: unsafe extern "C" fn(*mut c_void, *const Report) -> i32,
    sink: *mut c_void,
}

impl Reports {
    #[inline]
    pub(crate) fn send(&self, report: &Report) {
        // SAFETY: `engine_init` received this function with this handle.
        while unsafe { (self.push)(self.sink, report) } == 0 {
            std::hint::spin_loop();
        }
    }
}

/// An implementation behind the ABI.
trait Matcher {
    fn new_order(&mut self, order: &NewOrder, reports: &Reports);
    fn cancel(&mut self, cancel: &Cancel, reports: &Reports);
    fn modify(&mut self, modify: &Modify, reports: &Reports);
    fn best(&self, buy: bool) -> Option<i64>;
    fn depth(&self, price: i64, buy: bool) -> u64;
}

enum Kind {
    Book(Box<book::BookMatcher>),
    Engine(Box<engine::EngineMatcher>),
    BTree(Box<btree::BTreeMatcher>),
}

struct Running {
    kind: Kind,
    reports: Reports,
}

static mut RUNNING: Option<Running> = None;

macro_rules! running {
    ($matcher:ident, $reports:ident => $body:expr) => {{
        // SAFETY: all calls come from one thread, one after the other.
        let Some(Running {
            kind,
            reports: $reports,
        }) = (unsafe { &mut *addr_of_mut!(RUNNING) })
        else {
            panic!("engine_init was not called")
        };
        let _ = &$reports;
        match kind {
            Kind::Book($matcher) => $body,
            Kind::Engine($matcher) => $body,
            Kind::BTree($matcher) => $body,
        }
    }};
}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_init(_seed: u64, transport: *const Transport, sink: *mut c_void) {
    let reports = Reports {
        push: unsafe { (*transport).push },
        sink,
    };
    let kind = match std::env::var("CIFT_ABI").as_deref() {
        Ok("engine") => Kind::Engine(Box::new(engine::EngineMatcher::new(false))),
        Ok("keys") => Kind::Engine(Box::new(engine::EngineMatcher::new(true))),
        Ok("btree") => Kind::BTree(Box::default()),
        Ok("book") | Err(_) => Kind::Book(Box::new(book::BookMatcher::new())),
        Ok(other) => panic!("CIFT_ABI is {other}; allowed are book, engine, keys and btree"),
    };
    unsafe { *addr_of_mut!(RUNNING) = Some(Running { kind, reports }) };
}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_shutdown() {
    unsafe { *addr_of_mut!(RUNNING) = None };
}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_on_new_order(order: *const NewOrder) {
    running!(matcher, reports => matcher.new_order(unsafe { &*order }, reports));
}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_on_cancel(cancel: *const Cancel) {
    running!(matcher, reports => matcher.cancel(unsafe { &*cancel }, reports));
}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_on_modify(modify: *const Modify) {
    running!(matcher, reports => matcher.modify(unsafe { &*modify }, reports));
}

/// Every call is synchronous, so nothing is left to flush.
#[no_mangle]
pub extern "C" fn engine_flush() {}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_query_best_bid() -> i64 {
    running!(matcher, reports => matcher.best(true).unwrap_or(i64::MIN))
}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_query_best_ask() -> i64 {
    running!(matcher, reports => matcher.best(false).unwrap_or(i64::MAX))
}

/// # Safety
/// See the crate's header.
#[no_mangle]
pub unsafe extern "C" fn engine_query_depth_at(price: i64, side: u8) -> u64 {
    running!(matcher, reports => matcher.depth(price, side == 0))
}
