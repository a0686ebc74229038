//! The service: one task per handler until a stop signal. Then requests in flight are completed, or
//! abandoned after a time limit. That loses nothing: messages without an acknowledgement are delivered
//! again.
use crate::bus::Bus;
use crate::config::{self, Handler, Trigger};
use crate::consumer;
use crate::delivery::{HandlerContext, StopSignal, StreamDelivery};
use crate::metrics::{self, HandlerMetrics, Metrics};
use crate::replay::ReplayRequests;
use crate::settings::{Settings, LAG_EVERY, STOP_WITHIN};
use crate::timer;
use cift_daemon::{log, signals, trace::Tracer};
use cift_wire::subject;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Time that a stop may take beyond the limit of the handlers.
const STOP_MARGIN: Duration = Duration::from_secs(2);

/// Serves until a stop signal. The error states an invalid setting or that a handler's task ended.
pub async fn serve(settings: &Settings) -> Result<(), String> {
    let shard = &settings.daemon.shard;
    if !subject::valid_shard(shard) {
        return Err(format!(
            "invalid shard {shard:?}: expected 1 to 32 characters of a-z, 0-9 and -"
        ));
    }
    let handlers = config::read(&settings.config)?;
    let metrics = Arc::new(Metrics::new(handlers.iter().map(|h| h.function.clone())));
    let bus = Bus::open(&settings.daemon.nats_url, "relay", Arc::clone(&metrics)).await?;
    tokio::spawn(metrics::serve(settings.metrics.clone(), Arc::clone(&metrics)));
    let (stop_sender, stop) = watch::channel(false);
    let context = HandlerContext {
        bus: bus.clone(),
        shard: shard.clone(),
        cold_start: settings.cold_start(),
        stop: StopSignal(stop),
        tracer: Tracer::start("relay", &settings.daemon.otlp_endpoint),
    };
    log::info("relay starts", json!({"shard": shard, "handlers": handlers.len()}));
    tokio::spawn(watch_lag(bus.clone(), handlers.clone(), Arc::clone(&metrics)));
    let mut tasks = JoinSet::new();
    for (handler, metrics) in handlers.into_iter().zip(&metrics.handlers) {
        start(&mut tasks, &context, handler, Arc::clone(metrics));
    }
    let ended = tokio::select! {
        () = signals::stop_requested() => None,
        Some(ended) = tasks.join_next() => Some(ended),
    };
    if let Some(ended) = ended {
        return Err(format!("the task of a handler ended without a stop signal: {ended:?}"));
    }
    log::info("stopping", json!({}));
    stop_sender.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_WITHIN + STOP_MARGIN, all).await;
    if let Some(tracer) = &context.tracer {
        tracer.flush().await;
    }
    // Sends the last acknowledgements.
    let _ = tokio::time::timeout(STOP_MARGIN, bus.client.flush()).await;
    log::info("stopped", json!({}));
    Ok(())
}

fn start(tasks: &mut JoinSet<()>, context: &HandlerContext, handler: Handler, metrics: Arc<HandlerMetrics>) {
    match handler.trigger.clone() {
        Trigger::Every(period) => {
            tasks.spawn(timer::run(context.clone(), handler, period, metrics));
        }
        Trigger::Stream(trigger) => {
            let replays = if trigger.effects {
                ReplayRequests::subscribe(&context.bus, &context.shard, &handler.function)
            } else {
                ReplayRequests::none()
            };
            tasks.spawn(StreamDelivery::new(context.clone(), handler, trigger, metrics, replays).run());
        }
    }
}

/// Reads the lag of each handler from JetStream. A handler that fails does not learn its lag itself.
async fn watch_lag(bus: Bus, handlers: Vec<Handler>, metrics: Arc<Metrics>) {
    loop {
        tokio::time::sleep(LAG_EVERY).await;
        for (handler, metrics) in handlers.iter().zip(&metrics.handlers) {
            if let Trigger::Stream(trigger) = &handler.trigger {
                if let Ok(lag) = consumer::lag(&bus, &trigger.stream, handler.durable()).await {
                    HandlerMetrics::set(&metrics.lag, lag);
                }
            }
        }
    }
}
