//! Commands that must not be applied again, because the engine panicked on them.
//!
//! A panic leaves the engine in an unknown state, so the term ends and the state is recovered from snapshot and
//! journal. The command is not in the journal: its record was never closed. Its sender gets it refused by name from
//! then on, so that sending it again does not stop the exchange again. The list lives as long as the process; a new
//! process panics once more at most.
use cift_engine::Command;
use cift_wire::{blake3, encode_commands, Envelope, Meta, RecordHash};
use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

/// Hashes kept; more different commands that panic are a fault that a person must look at.
const MAX_COMMANDS: usize = 1_000;

/// The hash of a command, without its envelope.
pub fn hash(command: &Command) -> RecordHash {
    blake3(&encode_commands(&[Envelope {
        meta: Meta::default(),
        command: *command,
    }]))
}

/// Shared by the terms of one process.
#[derive(Clone, Default)]
pub struct Quarantine(Arc<Mutex<HashSet<RecordHash>>>);

impl Quarantine {
    /// Adds a command and returns its hash.
    pub fn add(&self, command: &Command) -> RecordHash {
        let hash = hash(command);
        let mut commands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if commands.len() < MAX_COMMANDS {
            commands.insert(hash);
        }
        hash
    }

    /// Is the command in quarantine? Costs nothing while there is none.
    pub fn has(&self, command: &Command) -> bool {
        let commands = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        !commands.is_empty() && commands.contains(&hash(command))
    }
}
