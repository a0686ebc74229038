"""Tests of cift.generate."""
