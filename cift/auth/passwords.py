"""bcrypt off the event loop, bounded: hashing is made to be slow, and must not starve trading.

Two hashes at a time (each some 200 ms of a core at 12 rounds); more wait, up to a bound, beyond which
logins are refused with 503. A login of an unknown user costs the same hash as one of a known user.
"""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

import bcrypt

from cift.kernel.errors import Unavailable

HASHES_AT_A_TIME = 2
HASHES_WAITING_MAX = 64

T = TypeVar("T")
_pool = ThreadPoolExecutor(HASHES_AT_A_TIME, thread_name_prefix="bcrypt")
_waiting = 0


async def hash_password(password: str, rounds: int) -> str:
    """The bcrypt hash of an acceptable password (see rules.check_password)."""
    hashed: bytes = await _run(partial(bcrypt.hashpw, password.encode(), bcrypt.gensalt(rounds)))
    return hashed.decode("ascii")


async def verify_password(password: str, hashed: str | None, rounds: int) -> bool:
    """Whether the password is that of the hash. With None (no such user) as slow, and False."""
    given = password.encode()
    # bcrypt refuses what it cannot hash whole; no such password was ever accepted.
    possible = len(given) <= 72 and b"\x00" not in given
    if hashed is None or not possible:
        await _run(partial(bcrypt.checkpw, b"no such password", nobody(rounds)))
        return False
    result: bool = await _run(partial(bcrypt.checkpw, given, hashed.encode("ascii")))
    return result


def nobody(rounds: int) -> bytes:
    """A hash in the right form that no password is known to have; checking against it costs the same.
    Users that nobody may log in as have it."""
    return b"$2b$%02d$" % rounds + b"." * 53


async def _run(work: "partial[T]") -> T:
    global _waiting
    if _waiting >= HASHES_WAITING_MAX:
        raise Unavailable("busy", "Too many logins at once; try again", retry_after=2)
    _waiting += 1
    try:
        return await asyncio.get_running_loop().run_in_executor(_pool, work)
    finally:
        _waiting -= 1
