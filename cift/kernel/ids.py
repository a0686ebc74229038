"""UUIDs: version 7 for new ids, version 5 where the same input must give the same id.

Version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then a 12-bit counter and 62 random bits. Ids of
one process are strictly increasing, so that an index on them grows at its end.
"""

import os
import threading
import time
import uuid

_lock = threading.Lock()
_last = 0  # (milliseconds << 12) | counter of the newest id


def uuid7() -> str:
    """A new UUIDv7 in text form, greater than all earlier ones of this process."""
    global _last
    stamp = (time.time_ns() // 1_000_000) << 12
    with _lock:
        # If the clock stands still or steps back, the counter goes on and carries into the time.
        _last = stamp = max(stamp, _last + 1)
    random = int.from_bytes(os.urandom(8), "big") & 0x3FFF_FFFF_FFFF_FFFF
    value = (stamp >> 12) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | random
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def time_of_uuid7(id: str) -> int:
    """When a UUIDv7 was made, in nanoseconds since the epoch, to the millisecond."""
    return int(id.replace("-", "")[:12], 16) * 1_000_000


def uuid5(namespace: str, name: str) -> str:
    """The UUIDv5 of `name` in the UUID `namespace` (RFC 9562 §5.5): the same input gives the same id."""
    return str(uuid.uuid5(uuid.UUID(namespace), name))


def parse_uuid(text: str) -> str | None:
    """The canonical form (lower case, dashes) of a UUID; None if `text` is not one."""
    if len(text) != 36:
        return None
    try:
        return str(uuid.UUID(text))
    except ValueError:
        return None
