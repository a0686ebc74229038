//! What a journaled command takes.
#[path = "samples/flow.rs"]
mod flow;

use cift_wire::{encode_record, Record};

/// Bytes of a command in records of `batch` commands: stored, and as messages.
fn bytes_each(batch: usize) -> (usize, usize) {
    let (mut stored, mut messages, mut count) = (0, 0, 0);
    for sample in flow::samples(batch, 1, 5_000) {
        let record = encode_record(&sample.header, sample.entries());
        let message = sample.message();
        assert!(Record::open(&record).unwrap().message() == message);
        (stored, messages, count) = (
            stored + record.len(),
            messages + message.len(),
            count + sample.applied.len(),
        );
    }
    println!(
        "{} bytes stored, {} as a message, in records of {batch}",
        stored / count,
        messages / count
    );
    (stored / count, messages / count)
}

#[test]
fn a_keyed_order_takes_200_bytes_in_a_record_of_many_and_270_alone() {
    let (stored, message) = bytes_each(100);
    assert!(stored <= 200 && message > 600, "{stored} of {message}");
    let (stored, message) = bytes_each(1);
    assert!(stored <= 270 && stored * 5 <= message * 2, "{stored} of {message}");
}
