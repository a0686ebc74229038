//! `matchd verify`: replays the whole journal from its first record and compares every event and state hash.
use crate::fault::Fault;
use crate::journal::Journal;
use crate::replica::Replica;
use crate::settings::Settings;
use futures_util::StreamExt;
use serde_json::{json, Value};
use std::time::Instant;

/// Records between two progress lines and two full checks of the ledger.
const CHECK_EVERY_RECORDS: u64 = 2_000;

/// Returns what was verified, as JSON. The error states where the journal differs.
pub async fn verify(settings: &Settings) -> Result<Value, Fault> {
    let started = Instant::now();
    let journal = Journal::open_read_only(settings, "matchd verify").await?;
    let tail = journal.tail().await?;
    let mut replica = Replica::empty();
    let mut records = std::pin::pin!(journal.records(1, tail.sequence));
    let check_ledger = |replica: &Replica| {
        replica.engine.check_conservation().map_err(|difference| {
            Fault::Halt(format!(
                "the ledger does not balance after record {}: {difference}",
                replica.sequence
            ))
        })
    };
    while let Some(record) = records.next().await {
        let (sequence, record) = record?;
        replica.replay(sequence, &record)?;
        if sequence % CHECK_EVERY_RECORDS == 0 {
            check_ledger(&replica)?;
            eprintln!("verified {sequence} of {} records", tail.sequence);
        }
    }
    check_ledger(&replica)?;
    let (hash, state) = replica.state();
    let hash: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let state_bytes = state.len();
    Ok(json!({
        "ok": true,
        "journal": journal.id,
        "records": replica.sequence,
        "commands": replica.engine.sequence(),
        "epoch": replica.epoch,
        "journal_bytes": tail.bytes,
        "state_hash": hash,
        "state_bytes": state_bytes,
        "took_ms": started.elapsed().as_millis() as u64,
    }))
}
