//! The streams reach every refusal, close reason, status, order kind and event, except those listed here
//! with the reason why a stream cannot cause them. A comparison on commands that are all refused would
//! prove nothing.

use cift_engine::types::*;
use cift_sim::oracle::Oracle;
use cift_sim::workload::{generate, Profile};
use std::collections::BTreeMap;

/// Bounds that are too large for a stream (the engine has separate tests), and matchd's own errors.
const NOT_IN_STREAMS: &[Refusal] = &[
    Refusal::TooManyInstruments,
    Refusal::TooManyFeeds,
    Refusal::TooManyPositions,
    Refusal::OrdersFull,
    Refusal::AccountsFull,
    Refusal::ContinueExpected,
];

#[test]
fn streams_reach_every_event_and_refusal() {
    let mut seen: BTreeMap<String, u64> = BTreeMap::new();
    let mut count = |what: String| *seen.entry(what).or_insert(0) += 1;
    for profile in Profile::ALL {
        let (seeds, length) = if profile == Profile::Sweep {
            (2, 8_000)
        } else {
            (25, 4_000)
        };
        for seed in 0..seeds {
            let mut oracle = Oracle::new();
            for (i, (ts, command)) in generate(profile, 7_000 + seed, length).iter().enumerate() {
                for event in oracle.apply(i as u64 + 1, *ts, command).0 {
                    match event {
                        Event::Refused { reason } => count(format!("refused {}", reason.as_str())),
                        Event::OrderClosed { reason, status, .. } => {
                            count(format!("closed {} {}", status.as_str(), reason.as_str()))
                        }
                        Event::OrderAccepted(a) => count(format!("accepted {:?} {}", a.kind, a.status.as_str())),
                        Event::OrderActivated { status, .. } => count(format!("activated {}", status.as_str())),
                        Event::CashMoved { kind, .. } => count(format!("cash {}", kind.as_str())),
                        Event::PositionMoved { kind, .. } => count(format!("position {}", kind.as_str())),
                        other => {
                            let text = format!("{other:?}");
                            count(text.split([' ', '(']).next().unwrap_or_default().to_string())
                        }
                    }
                }
            }
        }
    }
    for (what, times) in &seen {
        println!("{times:>8} {what}");
    }
    let missing: Vec<String> = Refusal::ALL
        .iter()
        .filter(|r| !NOT_IN_STREAMS.contains(r))
        .map(|r| format!("refused {}", r.as_str()))
        .chain(
            CloseReason::ALL
                .iter()
                // Not used by version 1 of the rules: outside quotes have no such event, and a post-only
                // order is refused before it is accepted.
                //
                .filter(|r| !matches!(r, CloseReason::OutsideWithdrawn | CloseReason::PostOnly))
                .map(|r| match r {
                    CloseReason::SessionClosed | CloseReason::TimeReached => format!("closed expired {}", r.as_str()),
                    _ => format!("closed canceled {}", r.as_str()),
                }),
        )
        .chain(CashKind::ALL.iter().map(|k| format!("cash {}", k.as_str())))
        .chain(PositionKind::ALL.iter().map(|k| format!("position {}", k.as_str())))
        .chain(
            [
                "activated new",
                "activated pending",
                "accepted Stop held",
                "accepted StopLimit held",
            ]
            .map(String::from),
        )
        .chain(
            [
                "accepted Limit held",
                "accepted TrailingStop pending",
                "OrderReplaced",
                "OrderAdjusted",
            ]
            .map(String::from),
        )
        .chain(
            [
                "TradeExecuted",
                "OutsideTraded",
                "FeedWithdrawn",
                "SessionClosed",
                "SplitApplied",
            ]
            .map(String::from),
        )
        .filter(|what| !seen.contains_key(what))
        .collect();
    assert!(missing.is_empty(), "never seen: {missing:?}");
}
