"""The Rust core of CIFT Markets for Python: the wire codec (`cift_core.wire`)."""

from . import wire

__all__ = ["wire"]
