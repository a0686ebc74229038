"""Fixtures for the tests of relay."""

from tests.venue import venue

__all__ = ["venue"]
