"""Fixtures for the tests of the Python client."""

from tests.venue import venue

__all__ = ["venue"]
