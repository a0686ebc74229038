"""Fixtures of these tests."""

from tests.venue import venue

__all__ = ["venue"]
