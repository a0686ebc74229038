//! The fixture journals in `fixtures/rules-N`: one journal for each workload, in the form of the archive, with the hash
//! of the state to which it leads. `examples/journal_fixture.rs` writes those of the rules in force; the header of
//! `tests/journal_stays_readable.rs` states when they may be written again.
use bytes::Bytes;
use cift_engine::{Command, Engine};
use cift_sim::workload::{generate, Profile};
use cift_wire::limits::{FORMAT, RULES};
use cift_wire::record::NO_RECORD;
use cift_wire::{blake3, Meta};
use matchd::batch::Batch;
use std::path::PathBuf;

macro_rules! kinds {
    ($($kind:ident)*) => {
        /// Every kind of command. A new one does not compile until it is listed here.
        #[allow(dead_code)] // the program needs none
        pub const KINDS: &[&str] = &[$(stringify!($kind)),*];

        #[allow(dead_code)] // the program needs none
        pub fn kind(command: &Command) -> &'static str {
            match command {
                $(Command::$kind { .. } => stringify!($kind),)*
            }
        }
    };
}
kinds! {
    EngineStarted AdvanceTime Continue SetRules EnableFormat DefineInstrument DefineFeed SetFees SetMargin SetSession Halt
    Resume Split Dividend OpenAccount Deposit Withdraw ResetAccount SetLimits SetAccountState PlaceOrder ReplaceOrder
    CancelOrder CancelAll OutsideQuote OutsideTrade
}

/// Profile, seed and number of commands of each workload.
pub const WORKLOADS: [(Profile, u64, usize); 4] = [
    (Profile::Retail, 1, 300),
    (Profile::Hostile, 2, 900),
    (Profile::Outside, 3, 200),
    (Profile::Sweep, 4, 1_000),
];
/// The most commands that start in one record.
const COMMANDS_PER_RECORD: usize = 8;
/// Every so many records there is one with the hash of the state, as after a snapshot.
const RECORDS_PER_STATE_HASH: usize = 16;

pub fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

pub fn state_hash(engine: &Engine) -> [u8; 32] {
    let mut state = Vec::new();
    engine.snapshot(&mut state);
    blake3(&state)
}

/// The journal of a workload, as a leader writes it, and the engine after it.
pub fn journal(profile: Profile, seed: u64, commands: usize) -> (Vec<Bytes>, Engine) {
    let mut stream = generate(profile, seed, commands);
    let start = stream[0].0;
    let own = [
        Command::SetRules { version: RULES },
        Command::EnableFormat { format: FORMAT },
        Command::AdvanceTime,
    ];
    stream.splice(1..1, own.map(|command| (start, command)));
    let (mut engine, mut batch) = (Engine::new(), Batch::default());
    let (mut records, mut previous_hash, mut time) = (Vec::new(), NO_RECORD, start);
    for (number, chunk) in stream.chunks(COMMANDS_PER_RECORD).enumerate() {
        time = chunk.iter().map(|&(at, _)| at).fold(time, i64::max);
        batch.begin(time, engine.sequence() + 1);
        for (_, command) in chunk {
            let client_order_id = match command {
                Command::PlaceOrder(order) => format!("order-{}", order.order.0),
                _ => String::new(),
            };
            let meta = Meta {
                trace: u128::from(blake3(client_order_id.as_bytes())[0]) << 100 | number as u128,
                span: number as u64,
                expires_at: 0,
                client_order_id: &client_order_id,
            };
            batch.apply(&mut engine, &meta, command);
            while engine.needs_continue() {
                batch.apply(&mut engine, &Meta::default(), &Command::Continue);
            }
        }
        if batch.is_empty() {
            continue;
        }
        let hash = (records.len() % RECORDS_PER_STATE_HASH == 0).then(|| state_hash(&engine));
        let record = Bytes::from(batch.encode(RULES, 1, previous_hash, hash));
        previous_hash = blake3(&record);
        records.push(record);
    }
    (records, engine)
}
