//! Health of this process: its role, and when its loop last made progress.
use cift_daemon::endpoint::Response;
use std::sync::atomic::{AtomicU64, AtomicU8, Ordering::Relaxed};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A leader or standby without a heartbeat for longer than this is hung.
pub const HUNG_AFTER: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Connecting, or reading a snapshot and the journal.
    Recovering,
    /// Follows the journal and can take over.
    Standby,
    Leader,
    /// The journal contradicts the program: the process exits.
    Halted,
}
const ROLES: [(Role, &str); 4] = [
    (Role::Recovering, "recovering"),
    (Role::Standby, "standby"),
    (Role::Leader, "leader"),
    (Role::Halted, "halted"),
];

pub struct Health {
    role: AtomicU8,
    started: Instant,
    /// Milliseconds from `started` to the last heartbeat.
    heartbeat_ms: AtomicU64,
    /// Why the process does not lead or stand by.
    problem: Mutex<String>,
}

impl Health {
    pub fn new() -> Health {
        Health {
            role: AtomicU8::new(Role::Recovering as u8),
            started: Instant::now(),
            heartbeat_ms: AtomicU64::new(0),
            problem: Mutex::default(),
        }
    }
    /// Notes that the loop makes progress.
    pub fn heartbeat(&self) {
        self.heartbeat_ms
            .store(self.started.elapsed().as_millis() as u64, Relaxed);
    }
    pub fn set_role(&self, role: Role) {
        self.heartbeat();
        if matches!(role, Role::Standby | Role::Leader) {
            self.set_problem("");
        }
        self.role.store(role as u8, Relaxed);
    }
    /// States why the process is not ready; empty: nothing is known.
    pub fn set_problem(&self, text: &str) {
        text.clone_into(&mut self.problem.lock().unwrap_or_else(PoisonError::into_inner));
    }
    fn role(&self) -> (Role, &'static str) {
        ROLES[usize::from(self.role.load(Relaxed))]
    }
    fn is_hung(&self, now: Duration) -> bool {
        let since_heartbeat = now.saturating_sub(Duration::from_millis(self.heartbeat_ms.load(Relaxed)));
        matches!(self.role().0, Role::Standby | Role::Leader) && since_heartbeat > HUNG_AFTER
    }
    /// `/health` and `/ready`, for readiness: 200 while the process leads or stands by and its loop makes progress.
    pub fn ready(&self) -> Response {
        self.ready_after(self.started.elapsed())
    }
    fn ready_after(&self, now: Duration) -> Response {
        match self.role() {
            (_, name) if self.is_hung(now) => Response::Unavailable(format!("{name}, but its loop is hung\n")),
            (Role::Standby | Role::Leader, name) => Response::Ok(format!("{name}\n")),
            (_, name) => {
                let problem = self.problem.lock().unwrap_or_else(PoisonError::into_inner);
                let colon = if problem.is_empty() { "" } else { ": " };
                Response::Unavailable(format!("{name}{colon}{problem}\n"))
            }
        }
    }
    /// `/live`, for liveness: 503 only if a restart would help. A restart helps neither a long recovery nor
    /// an unreachable NATS server.
    pub fn live(&self) -> Response {
        match self.ready() {
            Response::Unavailable(_) if self.role().0 == Role::Recovering => Response::Ok("recovering\n".into()),
            response => response,
        }
    }
    /// Appends the metric `matchd_role`.
    pub fn write_metrics(&self, out: &mut String) {
        out.push_str("# HELP matchd_role 1 for the current role of this process\n# TYPE matchd_role gauge\n");
        for (role, name) in ROLES {
            let value = u8::from(role == self.role().0);
            out.push_str(&format!("matchd_role{{role=\"{name}\"}} {value}\n"));
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
    fn a_standby_or_leader_with_a_hung_loop_is_not_ready() {
        let health = Health::new();
        let late = HUNG_AFTER + Duration::from_secs(1);
        for role in [Role::Standby, Role::Leader] {
            health.set_role(role);
            assert!(matches!(health.ready(), Response::Ok(_)));
            let Response::Unavailable(text) = health.ready_after(late) else {
                panic!("ready with a hung loop")
            };
            assert!(text.ends_with("hung\n"), "{text}");
        }
    }

    #[test]
    fn a_recovering_process_is_live_but_not_ready_and_a_halted_one_is_neither() {
        let health = Health::new();
        health.set_problem("NATS: no space");
        let Response::Unavailable(text) = health.ready() else {
            panic!("ready while recovering")
        };
        assert_eq!(text, "recovering: NATS: no space\n");
        assert!(matches!(health.live(), Response::Ok(_)));
        health.set_role(Role::Halted);
        assert!(matches!(health.ready(), Response::Unavailable(_)));
        assert!(matches!(health.live(), Response::Unavailable(_)));
    }
}
