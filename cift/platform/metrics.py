"""Counters, gauges and histograms of this process, and their Prometheus text.

The series are plain numbers in our own objects: a single-threaded process needs no locks. prometheus-client
imports an HTTP server, which would slow a cold start, so it is imported at the first request for the text.
"""

import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Generic, TypeVar

SERIES_MAX = 10_000  # per metric: label values are functions and statuses, never a caller's input


class Counted:
    """One series of a counter or gauge."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0.0

    def inc(self, amount: float = 1.0) -> None:
        self.value += amount

    def dec(self, amount: float = 1.0) -> None:
        self.value -= amount

    def set(self, value: float) -> None:
        self.value = value


class Observed:
    """One series of a histogram."""

    __slots__ = ("bounds", "buckets", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def observe(self, value: float) -> None:
        self.buckets[bisect_left(self.bounds, value)] += 1
        self.sum += value


S = TypeVar("S", Counted, Observed)
_ALL: list["_Metric[Counted] | _Metric[Observed]"] = []


class _Metric(Generic[S]):
    kind = ""

    def __init__(self, name: str, doc: str, labels: Sequence[str] = ()) -> None:
        self.name, self.doc, self.label_names = name, doc, tuple(labels)
        self.series: dict[tuple[str, ...], S] = {}
        _ALL.append(self)
        if not labels:
            self.labels()

    def _new(self) -> S:
        raise NotImplementedError

    def labels(self, *values: str) -> S:
        """The series of these label values, created on first use."""
        found = self.series.get(values)
        if found is None:
            assert len(values) == len(self.label_names), f"{self.name}: {self.label_names}, not {values}"
            assert len(self.series) < SERIES_MAX, f"{self.name} has too many series"
            found = self.series[values] = self._new()
        return found


class Counter(_Metric[Counted]):
    """A number that only increases; the text appends `_total` to its name."""

    kind = "counter"

    def _new(self) -> Counted:
        return Counted()

    def inc(self, amount: float = 1.0) -> None:
        self.labels().inc(amount)


class Gauge(_Metric[Counted]):
    """A number that goes up and down."""

    kind = "gauge"

    def _new(self) -> Counted:
        return Counted()


class Histogram(_Metric[Observed]):
    """The count of observed values in each bucket, and their sum."""

    kind = "histogram"

    def __init__(self, name: str, doc: str, labels: Sequence[str] = (), *, buckets: Sequence[float]) -> None:
        assert list(buckets) == sorted(buckets), f"{name}: the bounds must be in ascending order"
        self.bounds = tuple(buckets)
        super().__init__(name, doc, labels)

    def _new(self) -> Observed:
        return Observed(self.bounds)

    def observe(self, value: float) -> None:
        self.labels().observe(value)


EXPOSITION_KEPT_S = 1.0
"""How long a text is given again: writing it takes tens of milliseconds."""
_exposed: tuple[float, bytes, str] = (0.0, b"", "")


def exposition() -> tuple[bytes, str]:
    """All metrics of this process as Prometheus text, at most a second old, and its content type."""
    global _exposed
    if time.monotonic() >= _exposed[0]:
        text, media_type = _exposition()
        _exposed = (time.monotonic() + EXPOSITION_KEPT_S, text, media_type)
    return _exposed[1], _exposed[2]


def _exposition() -> tuple[bytes, str]:
    from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
    from prometheus_client.core import (
        CounterMetricFamily,
        GaugeMetricFamily,
        HistogramMetricFamily,
        Metric,
    )
    from prometheus_client.registry import Collector

    class Ours(Collector):
        def collect(self) -> Iterator[Metric]:
            for metric in _ALL:
                if isinstance(metric, Histogram):
                    histogram = HistogramMetricFamily(metric.name, metric.doc, labels=metric.label_names)
                    for values, series in metric.series.items():
                        bounds = [*(str(float(bound)) for bound in series.bounds), "+Inf"]
                        histogram.add_metric(
                            values, list(zip(bounds, accumulate(series.buckets), strict=True)), series.sum
                        )
                    yield histogram
                else:
                    family = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                    plain = family(metric.name, metric.doc, labels=metric.label_names)
                    for values, counted in metric.series.items():
                        plain.add_metric(values, counted.value)  # type: ignore[union-attr]
                    yield plain

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Ours())
    return generate_latest(registry), CONTENT_TYPE_LATEST
