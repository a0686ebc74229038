"""UUIDs: version 7 for what we name, version 5 where the same input must give the same id.

Version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then here a 12-bit counter and 62 random
bits. Within a process ids rise strictly, so an index on them grows at its end.
"""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0  # (milliseconds << 12) | counter of the newest id


def uuid7() -> str:
    """A new UUIDv7, in its text form; rises strictly within this process."""
    global _last
    stamp = (time.time_ns() // 1_000_000) << 12
    with _lock:
        # A clock that stands or steps back borrows from the counter, which carries into the time.
        _last = stamp = max(stamp, _last + 1)
    random = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | random
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid5(namespace: str, name: str) -> str:
    """The id that `name` always has under the UUID `namespace` (RFC 9562 §5.5)."""
    return str(uuid.uuid5(uuid.UUID(namespace), name))


def parse_uuid(text: str) -> str | None:
    """The usual form (lower case, dashes) of a UUID, or None where `text` is none."""
    if len(text) != 36:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
