//! Measures how many orders per second matchd makes durable, and how long one order takes.
//!
//! Use a server with a running matchd (`--nats-url`), or let the bench start its own nats-server and matchd
//! in a temporary folder (`--nats-server`, `--matchd`: paths).
//!
//! Phase 1: one client sends one order per request, one after the other. Phase 2:
//! `--in-flight` requests of `--orders` orders each. The generator runs on the same cores.
//!
//! The orders are seeded limit orders of 1 to 10 shares at 11 prices around the middle from `--accounts`
//! accounts, both sides evenly. About half of them trade at once, and the book stays shallow. Idempotency
//! keys are off (24 h of keys are bounded at 4 million).
use cift_engine::*;
use cift_wire::text::{parse_currency, parse_symbol};
use cift_wire::*;
use clap::Parser;
use std::path::PathBuf;
use std::process::{Child, Command as Process, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

#[derive(Parser)]
struct Arguments {
    /// URL of a NATS server with a running matchd.
    #[arg(long)]
    nats_url: Option<String>,
    /// Path of the nats-server to start.
    #[arg(long, env = "CIFT_NATS_SERVER", default_value = "nats-server")]
    nats_server: PathBuf,
    /// Path of the matchd to start; by default the one beside this program.
    #[arg(long)]
    matchd: Option<PathBuf>,
    /// Orders per request in the bulk phase.
    #[arg(long, default_value_t = 100)]
    orders: usize,
    /// Requests in flight in the bulk phase.
    #[arg(long, default_value_t = 24)]
    in_flight: usize,
    /// Accounts that trade.
    #[arg(long, default_value_t = 64)]
    accounts: u64,
    /// Seconds of the bulk phase.
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// Seconds of the latency phase.
    #[arg(long, default_value_t = 3)]
    latency_seconds: u64,
    /// Seed of the orders.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Print the result as JSON.
    #[arg(long)]
    json: bool,
}

/// A child process that is killed when dropped.
struct ChildProcess(Child);
impl Drop for ChildProcess {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The servers to measure; those that the bench started stop when this is dropped, and their folder is
/// deleted.
struct Servers {
    url: String,
    processes: Vec<ChildProcess>,
    folder: Option<PathBuf>,
}
impl Drop for Servers {
    fn drop(&mut self) {
        self.processes.clear();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn start_servers(arguments: &Arguments) -> std::io::Result<Servers> {
    if let Some(url) = &arguments.nats_url {
        return Ok(Servers {
            url: url.clone(),
            processes: Vec::new(),
            folder: None,
        });
    }
    let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
    let folder = std::env::temp_dir().join(format!("cift-bench-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let config = folder.join("nats.conf");
    let store = folder.join("jetstream");
    std::fs::write(
        &config,
        format!("listen: \"127.0.0.1:{port}\"\nmax_payload: 8MB\njetstream {{ store_dir: {store:?}, sync_interval: always }}\n"),
    )?;
    let log = |name: &str| std::fs::File::create(folder.join(name));
    let nats = Process::new(&arguments.nats_server)
        .arg("-c")
        .arg(&config)
        .stderr(log("nats.log")?)
        .spawn()?;
    let url = format!("nats://127.0.0.1:{port}");
    let beside = std::env::current_exe()?.with_file_name("matchd");
    let matchd = Process::new(arguments.matchd.as_ref().unwrap_or(&beside))
        .arg("serve")
        .env("CIFT_NATS_URL", &url)
        .env(
            "CIFT_MATCHD_METRICS",
            std::env::var("CIFT_MATCHD_METRICS").unwrap_or_else(|_| "off".into()),
        )
        .env("CIFT_JOURNAL_MAX_BYTES", (8_u64 << 30).to_string())
        .stdin(Stdio::null())
        .stderr(log("matchd.log")?)
        .spawn()?;
    Ok(Servers {
        url,
        processes: vec![ChildProcess(matchd), ChildProcess(nats)],
        folder: Some(folder),
    })
}

/// A seeded stream of orders with ids that are unique in a run.
struct OrderFlow {
    state: u64,
    run: u128,
    next: u64,
    step: u64,
    accounts: u64,
    symbol: Symbol,
}
impl OrderFlow {
    fn random(&mut self, below: u64) -> u64 {
        self.state = self
            .state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % below
    }
    fn order(&mut self) -> Envelope<'static> {
        self.next += self.step;
        let side = if self.random(2) == 0 { Side::Buy } else { Side::Sell };
        let order = PlaceOrder {
            account: AccountId(u128::from(1_000 + self.random(self.accounts))),
            order: OrderId(self.run | u128::from(self.next)),
            symbol: self.symbol,
            side,
            kind: OrderKind::Limit,
            time_in_force: TimeInForce::Day,
            quantity: (1 + self.random(10) as i64) * NANOS,
            limit_price: Some(500 * NANOS + (self.random(11) as i64 - 5) * 10_000_000),
            stop_price: None,
            trail: None,
            display_quantity: None,
            post_only: false,
            reduce_only: false,
            self_trade_prevention: SelfTradePrevention::CancelNewest,
            class: OrderClass::Simple,
            request: None,
        };
        Envelope {
            meta: Meta {
                trace: u128::from(self.next),
                ..Meta::default()
            },
            command: Command::PlaceOrder(order),
        }
    }
}

async fn connect(url: &str) -> async_nats::Client {
    let started = Instant::now();
    loop {
        match async_nats::connect(url).await {
            Ok(client) => return client,
            Err(error) => assert!(
                started.elapsed() < Duration::from_secs(10),
                "cannot connect to {url}: {error}"
            ),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn request(client: &async_nats::Client, commands: &[Envelope<'_>]) -> Result<Vec<CommandResult>, String> {
    let bytes = encode_commands(commands);
    let reply = client
        .request("engine.main.command", bytes.into())
        .await
        .map_err(|e| e.to_string())?;
    decode_results(&reply.payload).map_err(|e| e.to_string())
}

/// Waits for a leader, then defines the instrument and opens funded accounts.
async fn prepare(client: &async_nats::Client, accounts: u64) {
    let started = Instant::now();
    while client.request("engine.main.owner", "".into()).await.is_err() {
        assert!(
            started.elapsed() < Duration::from_secs(20),
            "no matchd answers after 20 s"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let usd = parse_currency("USD").expect("a valid currency");
    let symbol = parse_symbol("SPY").expect("a valid symbol");
    let one = |command| Envelope {
        meta: Meta::default(),
        command,
    };
    let instrument = Instrument {
        symbol,
        currency: usd,
        tick: 10_000_000,
        lot: NANOS,
        band_ppm: 1_000_000,
        collar_ppm: 20_000,
    };
    request(client, &[one(Command::DefineInstrument(instrument))])
        .await
        .expect("the instrument is defined");
    let limits = Limits {
        max_order_quantity: None,
        max_order_notional: None,
        max_position: None,
        max_open_orders: 10_000,
        max_orders_per_second: 1_000_000,
        max_daily_loss: None,
        leverage_percent: 1_000,
    };
    for number in 0..accounts {
        let account = AccountId(u128::from(1_000 + number));
        let amount = 900_000_000_000 * i128::from(NANOS);
        let commands = [
            one(Command::OpenAccount {
                account,
                kind: AccountKind::Margin,
                role: AccountRole::Customer,
                currency: usd,
            }),
            one(Command::SetLimits { account, limits }),
            one(Command::Deposit {
                account,
                transfer: TransferId(u128::from(number)),
                amount,
                request: None,
            }),
        ];
        request(client, &commands).await.expect("the account is opened");
    }
}

/// A quantile of sorted microseconds, in milliseconds.
fn quantile_ms(sorted: &[u64], quantile: f64) -> f64 {
    let index = ((sorted.len() as f64 * quantile) as usize).min(sorted.len().saturating_sub(1));
    sorted.get(index).map_or(0.0, |&us| us as f64 / 1_000.0)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments = Arguments::parse();
    let servers = start_servers(&arguments).unwrap_or_else(|error| {
        eprintln!("cannot start nats-server or matchd: {error}");
        std::process::exit(2);
    });
    let client = connect(&servers.url).await;
    prepare(&client, arguments.accounts).await;
    let run_started = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_nanos());
    let flow = |number: u64, step: u64| OrderFlow {
        state: arguments.seed.wrapping_add(number),
        run: run_started << 64,
        next: number,
        step,
        accounts: arguments.accounts,
        symbol: parse_symbol("SPY").expect("a valid symbol"),
    };

    let mut latencies = Vec::new();
    let mut single = flow(1 << 40, 1);
    let until = Instant::now() + Duration::from_secs(arguments.latency_seconds);
    while Instant::now() < until {
        let sent = Instant::now();
        let order = single.order();
        request(&client, &[order]).await.expect("a reply");
        latencies.push(sent.elapsed().as_micros() as u64);
    }
    latencies.sort_unstable();

    let done = Arc::new(AtomicU64::new(0));
    let other = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let until = started + Duration::from_secs(arguments.seconds);
    let mut workers = Vec::new();
    for number in 0..arguments.in_flight {
        let (client, orders) = (client.clone(), arguments.orders);
        let (done, other) = (Arc::clone(&done), Arc::clone(&other));
        let mut flow = flow(number as u64, arguments.in_flight as u64);
        workers.push(tokio::spawn(async move {
            let mut round_trips = Vec::new();
            while Instant::now() < until {
                let batch: Vec<_> = (0..orders).map(|_| flow.order()).collect();
                let sent = Instant::now();
                match request(&client, &batch).await {
                    Ok(results) => {
                        let accepted = results.iter().filter(|r| r.status == Status::Done).count();
                        done.fetch_add(accepted as u64, Relaxed);
                        other.fetch_add((results.len() - accepted) as u64, Relaxed);
                        round_trips.push(sent.elapsed().as_micros() as u64);
                    }
                    Err(error) => eprintln!("{error}"),
                }
            }
            round_trips
        }));
    }
    let mut round_trips = Vec::new();
    for worker in workers {
        round_trips.extend(worker.await.expect("the worker finishes"));
    }
    let seconds = started.elapsed().as_secs_f64();
    round_trips.sort_unstable();
    let rate = done.load(Relaxed) as f64 / seconds;
    let (p50, p99) = (quantile_ms(&latencies, 0.5), quantile_ms(&latencies, 0.99));
    let (bulk50, bulk99) = (quantile_ms(&round_trips, 0.5), quantile_ms(&round_trips, 0.99));
    let refused = other.load(Relaxed);
    if arguments.json {
        println!(
            "{{\"orders_per_second\":{rate:.0},\"refused\":{refused},\"single_p50_ms\":{p50:.3},\"single_p99_ms\":{p99:.3},\
             \"single_orders\":{},\"bulk_p50_ms\":{bulk50:.3},\"bulk_p99_ms\":{bulk99:.3}}}",
            latencies.len()
        );
    } else {
        println!(
            "durable orders per second, {} requests of {} orders in flight: {rate:.0} ({refused} refused)",
            arguments.in_flight, arguments.orders
        );
        println!("  round trip of a request: p50 {bulk50:.2} ms, p99 {bulk99:.2} ms");
        println!(
            "1 client, 1 order per request: p50 {p50:.3} ms, p99 {p99:.3} ms ({} orders)",
            latencies.len()
        );
    }
}
