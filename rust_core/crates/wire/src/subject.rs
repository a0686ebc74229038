//! Names of subjects, streams and buckets. Every name that belongs to a shard contains the shard's name; the first
//! shard, `main`, has the plain stream name `ORDERS`.
use crate::text::symbol_str;
use cift_engine::Symbol;

/// Raw ticks of outside feeds and of loaders, for the tick stores. The engine does not read it.
pub const TICKS_STREAM: &str = "TICKS";
/// Messages that a handler rejected for good.
pub const DEAD_LETTER_STREAM: &str = "DLQ";
/// Key of the stream's metadata that identifies the journal.
pub const JOURNAL_ID_KEY: &str = "cift-journal-id";

/// A shard's name: 1..=32 of `a–z 0–9 -`.
pub fn valid_shard(shard: &str) -> bool {
    (1..=32).contains(&shard.len())
        && shard
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}
pub fn command(shard: &str) -> String {
    format!("engine.{shard}.command")
}
pub fn query(shard: &str) -> String {
    format!("engine.{shard}.query")
}
pub fn owner(shard: &str) -> String {
    format!("engine.{shard}.owner")
}
/// Where a new leader announces itself when it accepts requests: `{"epoch": …, "instance": …}`.
pub fn leading(shard: &str) -> String {
    format!("engine.{shard}.leading")
}
/// The journal's stream.
pub fn journal_stream(shard: &str) -> String {
    if shard == "main" {
        "ORDERS".into()
    } else {
        format!("ORDERS_{shard}")
    }
}
/// The journal's only subject.
pub fn journal(shard: &str) -> String {
    format!("orders.{shard}")
}
/// The stream of what each journal record changed for clients ([`crate::update`]).
pub fn updates_stream(shard: &str) -> String {
    if shard == "main" {
        "UPDATES".into()
    } else {
        format!("UPDATES_{shard}")
    }
}
/// The only subject of the stream of updates.
pub fn updates(shard: &str) -> String {
    format!("updates.{shard}")
}
/// Object store bucket of the engine's snapshots.
pub fn snapshots(shard: &str) -> String {
    format!("ENGINE_{shard}")
}
/// A symbol as one token of a subject: `.` and `/` become `-` (`BRK.B` → `BRK-B`). The payload has the real symbol.
pub fn subject_symbol(symbol: &Symbol) -> String {
    symbol_str(symbol).replace(['.', '/'], "-")
}
/// The subject of a feed's batches of ticks.
pub fn ticks(feed: &str, symbol: &Symbol) -> String {
    format!("ticks.{feed}.{}", subject_symbol(symbol))
}
/// `function`: `<domain>.<verb_noun>`.
pub fn dead_letter(shard: &str, function: &str) -> String {
    format!("dlq.{shard}.{function}")
}
/// A request on it delivers a dead letter to `function` again: `{"sequence": …}`.
pub fn replay(shard: &str, function: &str) -> String {
    format!("relay.{shard}.replay.{function}")
}
