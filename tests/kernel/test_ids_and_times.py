"""Ids are increasing and UUIDs of their version; times keep their nanoseconds."""

import uuid
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cift.kernel import clock
from cift.kernel.ids import parse_uuid, uuid5, uuid7


def test_uuid7_is_strictly_increasing_and_of_version_7() -> None:
    ids = [uuid7() for _ in range(20_000)]
    assert ids == sorted(ids) and len(set(ids)) == len(ids)
    one = uuid.UUID(ids[0])
    assert one.version == 7 and one.variant == uuid.RFC_4122
    assert abs((one.int >> 80) / 1000 - datetime.now(UTC).timestamp()) < 60


def test_uuid5_is_always_the_same() -> None:
    assert uuid5("6ba7b810-9dad-11d1-80b4-00c04fd430c8", "a") == uuid5(
        "6ba7b810-9dad-11d1-80b4-00c04fd430c8", "a"
    )


@pytest.mark.parametrize(
    "text", ["", "x", "6ba7b8109dad11d180b400c04fd430c8", "{6ba7b810-9dad-11d1-80b4-00c04fd4}"]
)
def test_other_texts_are_not_uuids(text: str) -> None:
    assert parse_uuid(text) is None


def test_a_uuid_in_capitals_gets_its_canonical_form() -> None:
    assert parse_uuid("6BA7B810-9DAD-11D1-80B4-00C04FD430C8") == "6ba7b810-9dad-11d1-80b4-00c04fd430c8"


@given(st.integers(min_value=0, max_value=clock.MAX_TIME_NS))
def test_times_are_exact_to_the_microsecond(nanoseconds: int) -> None:
    exact = nanoseconds // 1000 * 1000
    assert clock.parse_rfc3339(clock.rfc3339(nanoseconds)) == exact
    assert clock.from_datetime(clock.to_datetime(nanoseconds)) == exact


def test_nine_decimals_and_zones_are_read() -> None:
    assert clock.parse_rfc3339("2026-11-21T06:41:26.123456789Z") == 1795243286123456789
    assert clock.parse_rfc3339("2026-11-21T07:41:26.123456789+01:00") == 1795243286123456789


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21",
        "2026-11-21T06:41:26",
        "2026-13-01T00:00:00Z",
        "1969-12-31T23:59:59Z",
        "9999-01-01T00:00:00Z",
    ]
    + ["2026-11-21T06:41:26.1234567890Z", "0001-01-01T00:00:00+23:59", "2026-02-30T00:00:00Z"],
)
def test_other_texts_are_not_times(text: str) -> None:
    assert clock.parse_rfc3339(text) is None
