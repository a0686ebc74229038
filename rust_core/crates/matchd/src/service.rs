//! The service: one cycle after the other until a stop signal.
//!
//! A cycle uses one connection: recover, stand by until no leader answers, lead for at most one term. Any
//! fault ends the cycle and drops its state, and the next cycle starts. Only a contradiction (another
//! journal, other events, a foreign stream) ends the process.
use crate::crash;
use crate::fanout;
use crate::fault::Fault;
use crate::health::Role;
use crate::journal::{random_id, Journal};
use crate::leader::{Leader, Stopped};
use crate::metrics::{self, Metrics};
use crate::quarantine::Quarantine;
use crate::replica::Replica;
use crate::settings::{Settings, FANOUT_QUEUE_RECORDS};
use crate::snapshot;
use cift_daemon::{log, nats_server::NatsServer, signals, trace::Tracer};
use cift_wire::subject;
use cift_wire::text::uuid_text;
use futures_util::StreamExt;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Owner queries within the leader timeout. The standby takes over if none of them is answered.
const OWNER_QUERIES: u32 = 3;
const BACK_OFF_FROM: Duration = Duration::from_millis(100);
const BACK_OFF_TO: Duration = Duration::from_secs(3);

/// Serves until a stop signal. The error is a [`Fault::Halt`].
pub async fn serve(mut settings: Settings) -> Result<(), Fault> {
    let shard = &settings.daemon.shard;
    if !subject::valid_shard(shard) {
        return Err(Fault::Halt(format!(
            "invalid shard {shard:?}: expected 1 to 32 characters of a-z, 0-9 and -"
        )));
    }
    let server = NatsServer::parse(&settings.daemon.nats_url).map_err(Fault::Halt)?;
    let instance = uuid_text(random_id());
    let metrics = Arc::new(Metrics::new());
    tokio::spawn(metrics::serve(settings.metrics.clone(), Arc::clone(&metrics)));
    let (stop_sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        signals::stop_requested().await;
        stop_sender.send_replace(true);
    });
    log::info(
        "matchd starts",
        json!({"instance": instance, "shard": shard, "nats": server.to_string()}),
    );
    let tracer = Tracer::start("matchd", &settings.daemon.otlp_endpoint);
    let mut back_off = BACK_OFF_FROM;
    let quarantine = Quarantine::default();
    loop {
        let started = Instant::now();
        let fault = match run_cycle(&mut settings, &metrics, &instance, &stop, &quarantine, &tracer).await {
            Ok(Stopped) => {
                if let Some(tracer) = &tracer {
                    tracer.flush().await;
                }
                log::info("stopped", json!({}));
                return Ok(());
            }
            Err(fault) => fault,
        };
        metrics.health.set_role(Role::Recovering);
        metrics.health.set_problem(&fault.to_string());
        if let Fault::Halt(_) = fault {
            metrics.health.set_role(Role::Halted);
            log::error("halted", json!({"reason": fault.to_string()}));
            return Err(fault);
        }
        if started.elapsed() > BACK_OFF_TO {
            back_off = BACK_OFF_FROM;
        }
        log::warn(
            "restarting after a fault",
            json!({"reason": fault.to_string(), "in_ms": back_off.as_millis() as u64}),
        );
        let mut stop = stop.clone();
        tokio::select! {
            () = tokio::time::sleep(back_off) => {}
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
        }
        back_off = (back_off * 2).min(BACK_OFF_TO);
    }
}

async fn run_cycle(
    settings: &mut Settings,
    metrics: &Arc<Metrics>,
    instance: &str,
    stop: &watch::Receiver<bool>,
    quarantine: &Quarantine,
    tracer: &Option<Tracer>,
) -> Result<Stopped, Fault> {
    let journal = Journal::open(settings, &format!("matchd {instance}")).await?;
    settings.journal_id.clone_from(&journal.id);
    let settings = &*settings;
    let mut stopping = stop.clone();
    let replica = tokio::select! {
        replica = stand_by(settings, metrics, &journal) => replica?,
        _ = stopping.wait_for(|stop| *stop) => return Ok(Stopped),
    };
    let (sender, receiver) = mpsc::channel(FANOUT_QUEUE_RECORDS);
    let mut leader = Leader::start_term(
        settings,
        Arc::clone(metrics),
        journal.clone(),
        replica,
        instance,
        sender,
        quarantine.clone(),
    )
    .await?;
    leader.trace_with(tracer.clone());
    let tip = leader.replica.sequence;
    let fanout = fanout::run(
        settings.clone(),
        journal,
        Arc::clone(metrics),
        tip,
        receiver,
        tracer.clone(),
    );
    let fanout = tokio::spawn(fanout);
    let end = leader.lead(stop.clone()).await;
    // The channel is closed. After a graceful stop the fan-out may publish what is queued. After a fault
    // the next leader publishes it.
    match end {
        Ok(Stopped) => drop(tokio::time::timeout(Duration::from_secs(2), fanout).await),
        Err(_) => fanout.abort(),
    }
    end
}

/// Recovers, then follows the journal until no leader answers.
async fn stand_by(settings: &Settings, metrics: &Metrics, journal: &Journal) -> Result<Replica, Fault> {
    let started = Instant::now();
    let mut replica = snapshot::restore_newest(journal, &settings.daemon.shard).await?;
    replica.warm_up();
    let snapshot_sequence = replica.sequence;
    follow(journal, &mut replica, metrics).await?;
    log::info(
        "recovered",
        json!({
            "snapshot": snapshot_sequence,
            "sequence": replica.sequence,
            "epoch": replica.epoch,
            "took_ms": started.elapsed().as_millis() as u64,
        }),
    );
    metrics.health.set_role(Role::Standby);
    let (mut unanswered, mut known_owner) = (0, None);
    let interval = Duration::from_millis(settings.leader_timeout_ms / u64::from(OWNER_QUERIES));
    while unanswered < OWNER_QUERIES {
        metrics.health.heartbeat();
        // Nobody has ever led an empty journal, so there is no leader to wait for. The fence settles who is
        // first.
        if replica.sequence == 0 {
            break;
        }
        let queried_at = Instant::now();
        match query_owner(settings, journal, interval).await {
            Some(owner) => {
                unanswered = 0;
                if known_owner.as_ref() != Some(&owner) {
                    log::info("standing by", json!({"owner": owner}));
                    known_owner = Some(owner);
                }
            }
            None => unanswered += 1,
        }
        if *journal.broken.borrow() {
            return Err(Fault::Nats("the connection broke".into()));
        }
        if follow(journal, &mut replica, metrics).await? {
            // Another process appends, even if it does not answer: do not take over.
            unanswered = 0;
        }
        tokio::time::sleep(interval.saturating_sub(queried_at.elapsed())).await;
        // Another standby may have taken over during this pause. Without this check, two standbys that
        // started to wait together would lead one after the other.
        if unanswered == OWNER_QUERIES && follow(journal, &mut replica, metrics).await? {
            unanswered = 0;
        }
    }
    Ok(replica)
}

/// Replays the records after `replica`. Returns whether there were any.
async fn follow(journal: &Journal, replica: &mut Replica, metrics: &Metrics) -> Result<bool, Fault> {
    let before = replica.sequence;
    let tail = journal.tail().await?;
    if tail.sequence < before {
        return Err(Fault::Halt(format!(
            "the journal ends at record {}, but this process has replayed up to record {before}: the journal was \
             truncated or replaced",
            tail.sequence
        )));
    }
    if before > 0 && before + 1 < tail.first {
        return Err(Fault::Nats(format!(
            "records up to {} left the journal before this process read them: it restores the newest snapshot",
            tail.first - 1
        )));
    }
    let mut records = std::pin::pin!(journal.records(before + 1, tail.sequence));
    while let Some(record) = records.next().await {
        let (sequence, record) = record?;
        replica.replay(sequence, &record)?;
        metrics.health.heartbeat();
        crash::point("during_recovery");
    }
    Metrics::set(&metrics.epoch, replica.epoch);
    Metrics::set(&metrics.sequence, replica.sequence);
    Metrics::set(&metrics.journal_bytes, tail.bytes);
    Ok(replica.sequence != before)
}

/// The instance that leads the shard; `None` if no leader answers within `timeout`.
async fn query_owner(settings: &Settings, journal: &Journal, timeout: Duration) -> Option<String> {
    let request = async_nats::Request::new().timeout(Some(timeout));
    let reply = journal
        .client
        .send_request(subject::owner(&settings.daemon.shard), request)
        .await
        .ok()?;
    let owner: serde_json::Value = serde_json::from_slice(&reply.payload).ok()?;
    owner["instance"].as_str().map(str::to_owned)
}
