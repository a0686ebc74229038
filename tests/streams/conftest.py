"""Fixtures for the tests of the streams."""

from tests.venue import venue

__all__ = ["venue"]
