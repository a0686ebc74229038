//! Real matchd processes with a real nats-server (`cift_testbed`). They stop when the test ends.
#![allow(dead_code)]
use async_nats::Client;
use cift_engine::*;
pub use cift_testbed::{KillOnDrop, Nats, DEADLINE};
use cift_wire::text::{parse_currency, parse_symbol, uuid_text};
use cift_wire::*;
use serde_json::{json, Value};
use std::path::PathBuf;
use std::process::Command as Process;
use std::time::{Duration, Instant};

/// A nats-server and the matchd processes that a test starts.
pub struct Deployment {
    pub nats: Nats,
    pub max_bytes: u64,
    matchds: u32,
}

impl Deployment {
    pub async fn new() -> Deployment {
        Deployment {
            nats: Nats::start().await,
            max_bytes: 1 << 30,
            matchds: 0,
        }
    }
    pub async fn client(&self) -> Client {
        self.nats.client().await
    }
    fn process(&self, action: &str, url: &str, more: &[(&str, String)]) -> Process {
        let mut process = Process::new(env!("CARGO_BIN_EXE_matchd"));
        process
            .arg(action)
            .env("CIFT_NATS_URL", url)
            .env("CIFT_MATCHD_METRICS", "off")
            .env_remove("CIFT_CRASH_AT");
        process
            .env("CIFT_LEADER_TIMEOUT_MS", "900")
            .env("CIFT_JOURNAL_MAX_BYTES", self.max_bytes.to_string());
        process.envs(more.iter().map(|(k, v)| (k.to_string(), v.clone())));
        process
    }
    /// Starts a matchd. Its log is `matchd-<n>.log` in the folder.
    pub fn start_matchd(&mut self, more: &[(&str, String)]) -> KillOnDrop {
        let url = self.nats.url();
        self.start_matchd_at(&url, more)
    }
    pub fn start_matchd_at(&mut self, url: &str, more: &[(&str, String)]) -> KillOnDrop {
        self.matchds += 1;
        let log = std::fs::File::create(self.log_path(self.matchds)).unwrap();
        KillOnDrop(
            self.process("serve", url, more)
                .stderr(log)
                .spawn()
                .expect("matchd starts"),
        )
    }
    fn log_path(&self, number: u32) -> PathBuf {
        self.nats.folder.path().join(format!("matchd-{number}.log"))
    }
    pub fn log(&self, number: u32) -> String {
        std::fs::read_to_string(self.log_path(number)).unwrap()
    }
    pub fn logs(&self) -> String {
        (1..=self.matchds)
            .map(|n| format!("--- matchd {n}\n{}", self.log(n)))
            .collect()
    }
    /// Waits for a leader other than instance `not` and returns its answer to the owner query.
    pub async fn leader(&self, client: &Client, not: &str) -> Value {
        let started = Instant::now();
        loop {
            let request = async_nats::Request::new().timeout(Some(Duration::from_millis(500)));
            if let Ok(reply) = client.send_request("engine.main.owner", request).await {
                let owner: Value = serde_json::from_slice(&reply.payload).unwrap();
                if owner["instance"] != not {
                    return owner;
                }
            }
            assert!(started.elapsed() < DEADLINE, "no leader answers\n{}", self.logs());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    /// Runs matchd to its end.
    pub fn run(&self, action: &str, arguments: &[&str], more: &[(&str, String)]) -> std::process::Output {
        let mut process = self.process(action, &self.nats.url(), more);
        process.args(arguments).output().unwrap()
    }
    /// Runs `matchd verify`, which must fail. Returns its exit code and stderr.
    pub fn verify_fails(&self) -> (Option<i32>, String) {
        let output = self.process("verify", &self.nats.url(), &[]).output().unwrap();
        assert!(!output.status.success());
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    }
    /// Runs `matchd verify --json`, which must succeed. Returns its result.
    pub fn verify(&self) -> Value {
        let output = self
            .process("verify", &self.nats.url(), &[])
            .arg("--json")
            .output()
            .unwrap();
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

/// A limit order of one share with an idempotency key from `number`.
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

/// Defines an instrument and opens funded margin accounts 1..=n with wide limits. Every command must be done.
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
    for result in submit(client, &commands).await.expect("a reply") {
        assert_eq!(result.status, Status::Done, "{result:?}");
    }
}

/// Sends commands as one request; `None` if there is no reply in time.
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

pub async fn query(client: &Client, query: Value) -> Value {
    let reply = client
        .request("engine.main.query", query.to_string().into())
        .await
        .expect("a reply");
    serde_json::from_slice(&reply.payload).unwrap()
}
pub async fn query_account(client: &Client, account: AccountId) -> Value {
    query(client, json!({"account": uuid_text(account.0)})).await
}
