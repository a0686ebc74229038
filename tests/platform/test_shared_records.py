"""Functions of one process share decoded records: one object for the same bytes, in limited memory."""

from cift.platform.journal import SHARED_BYTES_MAX, SharedRecords


def test_the_same_record_is_decoded_once() -> None:
    shared = SharedRecords()
    assert shared.record(7, b"abc") is shared.record(7, bytes(bytearray(b"abc")))


def test_another_journal_with_the_same_sequence_is_another_record() -> None:
    shared = SharedRecords()
    old = shared.record(7, b"abc")
    new = shared.record(7, b"abd")
    assert new is not old and new.data == b"abd"
    assert shared.record(7, b"abd") is new


def test_the_shared_records_are_limited_and_the_oldest_is_dropped_first() -> None:
    shared = SharedRecords()
    data = bytes(SHARED_BYTES_MAX // 4)
    records = [shared.record(sequence, data) for sequence in range(1, 7)]
    assert sum(len(record.data) for record in shared._records.values()) <= SHARED_BYTES_MAX
    assert shared.record(6, data) is records[-1]
    assert shared.record(1, data) is not records[0]
