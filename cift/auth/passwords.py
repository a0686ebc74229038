"""bcrypt in two threads. A hash takes about 200 ms of a core at 12 rounds and must not delay orders.

Further hashes wait; when `HASHES_WAITING_MAX` wait, logins are refused with 503. Logins from an address where
the owner has logged in before have a thread of their own, so that strangers do not delay them. A login of an
unknown user costs one hash too, so that its duration does not show whether the user exists.
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
_known_pool = ThreadPoolExecutor(1, thread_name_prefix="bcrypt-known")
_waiting = {False: 0, True: 0}
"""Hashes that wait or run: of strangers, and of known addresses."""


async def hash_password(password: str, rounds: int) -> str:
    """The bcrypt hash of a password that `rules.check_password` has accepted."""
    hashed: bytes = await _run(partial(bcrypt.hashpw, password.encode(), bcrypt.gensalt(rounds)))
    return hashed.decode("ascii")


async def verify_password(password: str, hashed: str | None, rounds: int, *, is_known: bool = False) -> bool:
    """Whether the password matches the hash. None (no such user) returns False and takes as long."""
    given = password.encode()
    # bcrypt raises for other passwords, and `check_password` accepts none of them.
    can_hash = len(given) <= 72 and b"\x00" not in given
    if hashed is None or not can_hash:
        await _run(partial(bcrypt.checkpw, b"any password", unusable_hash(rounds)), is_known)
        return False
    result: bool = await _run(partial(bcrypt.checkpw, given, hashed.encode("ascii")), is_known)
    return result


def unusable_hash(rounds: int) -> bytes:
    """A well-formed hash that no known password matches, for users that nobody may log in as.

    Checking a password against it takes as long as against any other hash."""
    return b"$2b$%02d$" % rounds + b"." * 53


async def _run(work: "partial[T]", is_known: bool = False) -> T:
    if _waiting[is_known] >= HASHES_WAITING_MAX:
        raise Unavailable(
            "busy", f"Too many logins at the same time ({HASHES_WAITING_MAX} wait): try again", retry_after=2
        )
    _waiting[is_known] += 1
    try:
        pool = _known_pool if is_known else _pool
        return await asyncio.get_running_loop().run_in_executor(pool, work)
    finally:
        _waiting[is_known] -= 1
