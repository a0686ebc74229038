//! Whether this process can answer for itself: who it is now, and when its loop last turned.
use cift_daemon::endpoint::Answer;
use std::sync::atomic::{AtomicU64, AtomicU8, Ordering::Relaxed};
use std::time::{Duration, Instant};

/// A leader or standby whose loop has not turned for longer hangs.
pub const HANGS_AFTER: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Connecting, or reading a snapshot and the journal.
    Recovering,
    /// Follows the journal, ready to lead.
    Standby,
    Leader,
    /// The journal contradicts the program: the process ends.
    Halted,
}
const ROLES: [(Role, &str); 4] = [
    (Role::Recovering, "recovering"),
    (Role::Standby, "standby"),
    (Role::Leader, "leader"),
    (Role::Halted, "halted"),
];

/// See the module's header.
pub struct Health {
    role: AtomicU8,
    begun: Instant,
    /// Milliseconds from `begun` to the last turn.
    turned_ms: AtomicU64,
}

impl Health {
    pub fn new() -> Health {
        Health {
            role: AtomicU8::new(Role::Recovering as u8),
            begun: Instant::now(),
            turned_ms: AtomicU64::new(0),
        }
    }
    /// The loop has turned.
    pub fn turned(&self) {
        self.turned_ms.store(self.begun.elapsed().as_millis() as u64, Relaxed);
    }
    pub fn becomes(&self, role: Role) {
        self.turned();
        self.role.store(role as u8, Relaxed);
    }
    fn role(&self) -> (Role, &'static str) {
        ROLES[usize::from(self.role.load(Relaxed))]
    }
    fn hangs(&self, now: Duration) -> bool {
        let silent = now.saturating_sub(Duration::from_millis(self.turned_ms.load(Relaxed)));
        matches!(self.role().0, Role::Standby | Role::Leader) && silent > HANGS_AFTER
    }
    /// `/health`, for readiness: 200 while it leads or stands by and its loop turns.
    pub fn ready(&self) -> Answer {
        self.ready_after(self.begun.elapsed())
    }
    fn ready_after(&self, now: Duration) -> Answer {
        match self.role() {
            (_, name) if self.hangs(now) => Answer::Unavailable(format!("{name}, but its loop hangs\n")),
            (Role::Standby | Role::Leader, name) => Answer::Fine(format!("{name}\n")),
            (_, name) => Answer::Unavailable(format!("{name}\n")),
        }
    }
    /// `/live`, for liveness: 503 only where a new process would help. A long recovery and a NATS that is away are no
    /// reason to begin again.
    pub fn live(&self) -> Answer {
        match self.ready() {
            Answer::Unavailable(_) if self.role().0 == Role::Recovering => Answer::Fine("recovering\n".into()),
            answer => answer,
        }
    }
    /// Its lines of the metrics.
    pub fn write(&self, out: &mut String) {
        out.push_str("# HELP matchd_role 1 for what this process is now\n# TYPE matchd_role gauge\n");
        for (role, name) in ROLES {
            let here = u8::from(role == self.role().0);
            out.push_str(&format!("matchd_role{{role=\"{name}\"}} {here}\n"));
        }
    }
}
impl Default for Health {
    fn default() -> Self {
        Health::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_hangs_is_neither_ready_nor_alive_whatever_the_role_says() {
        let health = Health::new();
        let late = HANGS_AFTER + Duration::from_secs(1);
        for role in [Role::Standby, Role::Leader] {
            health.becomes(role);
            assert!(matches!(health.ready(), Answer::Fine(_)));
            let Answer::Unavailable(text) = health.ready_after(late) else {
                panic!("ready while it hangs")
            };
            assert!(text.ends_with("hangs\n"), "{text}");
        }
    }

    #[test]
    fn recovering_is_alive_and_not_ready_and_halted_is_neither() {
        let health = Health::new();
        assert!(matches!(health.ready(), Answer::Unavailable(_)));
        assert!(matches!(health.live(), Answer::Fine(_)));
        health.becomes(Role::Halted);
        assert!(matches!(health.ready(), Answer::Unavailable(_)));
        assert!(matches!(health.live(), Answer::Unavailable(_)));
    }
}
