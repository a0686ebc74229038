//! The life of the process: a task for each handler, until a signal; then what is in flight is finished or abandoned within
//! a bound. Nothing is lost by that: what was not acknowledged comes again.
use crate::bus::Bus;
use crate::config::{self, Handler, Trigger};
use crate::deliver::{Deliver, Given, Stop};
use crate::feed;
use crate::metrics::{self, HandlerMetrics, Metrics};
use crate::replay::Replays;
use crate::settings::{Settings, LAG_EVERY, STOP_WITHIN};
use crate::timer;
use cift_daemon::{log, signals};
use cift_wire::subject;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What a stop takes beyond the handlers' own bound.
const STOP_SPARE: Duration = Duration::from_secs(2);

/// Serves until a signal. An error is a sentence: a setting that no retry makes good, or a handler that panicked.
pub async fn serve(settings: &Settings) -> Result<(), String> {
    if !subject::valid_shard(&settings.shard) {
        return Err(format!(
            "shard {:?}: 1 to 32 of a–z 0–9 - were expected",
            settings.shard
        ));
    }
    let handlers = config::read(&settings.config)?;
    let metrics = Arc::new(Metrics::new(handlers.iter().map(|h| h.function.clone())));
    let bus = Bus::open(&settings.nats_url, "relay", Arc::clone(&metrics)).await?;
    tokio::spawn(metrics::serve(settings.metrics.clone(), Arc::clone(&metrics)));
    let (stop_sender, stop) = watch::channel(false);
    let given = Given {
        bus: bus.clone(),
        shard: settings.shard.clone(),
        cold_start: settings.cold_start(),
        stop: Stop(stop),
    };
    log::info(
        "relay starts",
        json!({"shard": settings.shard, "handlers": handlers.len()}),
    );
    tokio::spawn(watch_lag(bus.clone(), handlers.clone(), Arc::clone(&metrics)));
    let mut tasks = JoinSet::new();
    for (handler, metrics) in handlers.into_iter().zip(&metrics.handlers) {
        start(&mut tasks, &given, handler, Arc::clone(metrics));
    }
    let ended = tokio::select! {
        () = signals::told_to_stop() => None,
        Some(ended) = tasks.join_next() => Some(ended),
    };
    if let Some(ended) = ended {
        return Err(format!("a handler ended unasked: {ended:?}"));
    }
    log::info("stops", json!({}));
    stop_sender.send_replace(true);
    let all = async { while tasks.join_next().await.is_some() {} };
    let _ = tokio::time::timeout(STOP_WITHIN + STOP_SPARE, all).await;
    // The last acknowledgements are on their way.
    let _ = tokio::time::timeout(STOP_SPARE, bus.client.flush()).await;
    log::info("stopped", json!({}));
    Ok(())
}

fn start(tasks: &mut JoinSet<()>, given: &Given, handler: Handler, metrics: Arc<HandlerMetrics>) {
    match handler.trigger.clone() {
        Trigger::Every(period) => {
            tasks.spawn(timer::run(given.clone(), handler, period, metrics));
        }
        Trigger::Stream(trigger) => {
            let replays = if trigger.effects {
                Replays::of(&given.bus, &given.shard, &handler.function)
            } else {
                Replays::none()
            };
            tasks.spawn(Deliver::new(given.clone(), handler, trigger, metrics, replays).run());
        }
    }
}

/// Asks JetStream now and then how far behind each handler is: a handler that fails does not learn it itself.
async fn watch_lag(bus: Bus, handlers: Vec<Handler>, metrics: Arc<Metrics>) {
    loop {
        tokio::time::sleep(LAG_EVERY).await;
        for (handler, metrics) in handlers.iter().zip(&metrics.handlers) {
            if let Trigger::Stream(trigger) = &handler.trigger {
                if let Ok(lag) = feed::lag(&bus, &trigger.stream, handler.durable()).await {
                    HandlerMetrics::set(&metrics.lag, lag);
                }
            }
        }
    }
}
