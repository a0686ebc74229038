//! The life of a process: incarnation after incarnation, until it is told to stop.
//!
//! An incarnation is one connection: recover, stand by until nobody answers, lead at most one term. Whatever goes wrong
//! ends it, memory and all, and the next begins. Only a contradiction (another journal, other events, a foreign stream)
//! ends the process.
use crate::crash;
use crate::fanout;
use crate::fault::Fault;
use crate::health::Role;
use crate::journal::{random_id, Journal};
use crate::ladder::Ladders;
use crate::leader::{Leader, Stopped};
use crate::metrics::{self, Metrics};
use crate::replica::Replica;
use crate::settings::{Settings, FANOUT_QUEUE_RECORDS};
use crate::snapshot;
use cift_daemon::{log, server::Server, signals};
use cift_wire::subject;
use cift_wire::text::uuid_text;
use futures_util::StreamExt;
use serde_json::json;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Asks within the patience, all of which must go unanswered.
const ASKS: u32 = 3;
const BACK_OFF_FROM: Duration = Duration::from_millis(100);
const BACK_OFF_TO: Duration = Duration::from_secs(3);

/// Serves until a signal. An error is a [`Fault::Halt`].
pub async fn serve(settings: Settings) -> Result<(), Fault> {
    if !subject::valid_shard(&settings.shard) {
        return Err(Fault::Halt(format!(
            "shard {:?}: 1 to 32 of a–z 0–9 - were expected",
            settings.shard
        )));
    }
    let server = Server::parse(&settings.nats_url).map_err(Fault::Halt)?;
    let instance = uuid_text(random_id());
    let metrics = Arc::new(Metrics::new());
    tokio::spawn(metrics::serve(settings.metrics.clone(), Arc::clone(&metrics)));
    let (stop_sender, stop) = watch::channel(false);
    tokio::spawn(async move {
        signals::told_to_stop().await;
        stop_sender.send_replace(true);
    });
    log::info(
        "matchd starts",
        json!({"instance": instance, "shard": settings.shard, "nats": server.to_string()}),
    );
    let mut back_off = BACK_OFF_FROM;
    loop {
        let begun = Instant::now();
        let fault = match incarnation(&settings, &metrics, &instance, &stop).await {
            Ok(Stopped) => {
                log::info("stopped", json!({}));
                return Ok(());
            }
            Err(fault) => fault,
        };
        metrics.health.becomes(Role::Recovering);
        if let Fault::Halt(_) = fault {
            metrics.health.becomes(Role::Halted);
            log::error("halted", json!({"reason": fault.to_string()}));
            return Err(fault);
        }
        if begun.elapsed() > BACK_OFF_TO {
            back_off = BACK_OFF_FROM;
        }
        log::warn(
            "begins anew",
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

async fn incarnation(
    settings: &Settings,
    metrics: &Arc<Metrics>,
    instance: &str,
    stop: &watch::Receiver<bool>,
) -> Result<Stopped, Fault> {
    let journal = Journal::open(settings, &format!("matchd {instance}")).await?;
    let mut stopping = stop.clone();
    let replica = tokio::select! {
        replica = stand_by(settings, metrics, &journal) => replica?,
        _ = stopping.wait_for(|stop| *stop) => return Ok(Stopped),
    };
    let (sender, receiver) = mpsc::channel(FANOUT_QUEUE_RECORDS);
    let leader = Leader::begin(
        settings,
        Arc::clone(metrics),
        journal.clone(),
        replica,
        instance,
        sender,
    )
    .await?;
    let (tip, ladders) = (leader.replica.sequence, Ladders::of(&leader.replica.engine));
    let fanout = fanout::run(settings.clone(), journal, Arc::clone(metrics), ladders, tip, receiver);
    let fanout = tokio::spawn(fanout);
    let end = leader.lead(stop.clone()).await;
    // The channel is closed. On a graceful end it may publish what it has; another leader does so otherwise.
    match end {
        Ok(Stopped) => drop(tokio::time::timeout(Duration::from_secs(2), fanout).await),
        Err(_) => fanout.abort(),
    }
    end
}

/// Recovers, then follows the journal until nobody answers for it.
async fn stand_by(settings: &Settings, metrics: &Metrics, journal: &Journal) -> Result<Replica, Fault> {
    let begun = Instant::now();
    let mut replica = snapshot::newest(journal, &settings.shard).await?;
    replica.warm_up();
    let from = replica.sequence;
    follow(journal, &mut replica, metrics).await?;
    log::info(
        "recovered",
        json!({
            "snapshot": from,
            "sequence": replica.sequence,
            "epoch": replica.epoch,
            "took_ms": begun.elapsed().as_millis() as u64,
        }),
    );
    metrics.health.becomes(Role::Standby);
    let (mut missed, mut known) = (0, None);
    let between = Duration::from_millis(settings.patience_ms / u64::from(ASKS));
    while missed < ASKS {
        metrics.health.turned();
        // A journal that nobody has ever led needs no patience: the fence settles who is first.
        if replica.sequence == 0 {
            break;
        }
        let asked = Instant::now();
        match ask_owner(settings, journal, between).await {
            Some(owner) => {
                missed = 0;
                if known.as_ref() != Some(&owner) {
                    log::info("standing by", json!({"owner": owner}));
                    known = Some(owner);
                }
            }
            None => missed += 1,
        }
        if *journal.broken.borrow() {
            return Err(Fault::Nats("the connection broke".into()));
        }
        let before = replica.sequence;
        follow(journal, &mut replica, metrics).await?;
        if replica.sequence != before {
            // Somebody writes, answering or not: no reason to take over yet.
            missed = 0;
        }
        tokio::time::sleep(between.saturating_sub(asked.elapsed())).await;
        if missed == ASKS {
            // Another may have taken over while this one was patient: two that began to wait together would
            // otherwise lead one after the other.
            let before = replica.sequence;
            follow(journal, &mut replica, metrics).await?;
            if replica.sequence != before {
                missed = 0;
            }
        }
    }
    Ok(replica)
}

/// Replays what the journal has beyond `replica`.
async fn follow(journal: &Journal, replica: &mut Replica, metrics: &Metrics) -> Result<(), Fault> {
    let tail = journal.tail().await?;
    if tail.sequence < replica.sequence {
        return Err(Fault::Halt(format!(
            "the journal ends at record {}, before record {} that this process has seen: it was cut or replaced",
            tail.sequence, replica.sequence
        )));
    }
    let mut records = std::pin::pin!(journal.records(replica.sequence + 1, tail.sequence));
    while let Some(record) = records.next().await {
        let (sequence, record) = record?;
        replica.replay(sequence, &record)?;
        metrics.health.turned();
        crash::point("during_recovery");
    }
    Metrics::set(&metrics.epoch, replica.epoch);
    Metrics::set(&metrics.sequence, replica.sequence);
    Metrics::set(&metrics.journal_bytes, tail.bytes);
    Ok(())
}

/// The instance that answers for the shard.
async fn ask_owner(settings: &Settings, journal: &Journal, within: Duration) -> Option<String> {
    let request = async_nats::Request::new().timeout(Some(within));
    let reply = journal
        .client
        .send_request(subject::owner(&settings.shard), request)
        .await
        .ok()?;
    let owner: serde_json::Value = serde_json::from_slice(&reply.payload).ok()?;
    owner["instance"].as_str().map(str::to_owned)
}
