"""Limits failed logins by name, and remembers the addresses from which each name has logged in.

After `FAILURES_MAX` wrong passwords within `WINDOW_S`, logins with the name are rejected without a password
check, whatever address they come from. An address from which the name has logged in before is exempt, so that
an attacker cannot lock the owner out. Each process has its own counts and loses them when it stops.
"""

import math
import time
from collections import OrderedDict

from cift.kernel.addresses import network_of
from cift.kernel.errors import RateLimited

FAILURES_MAX = 10
WINDOW_S = 300.0
NAMES_MAX = 50_000
KNOWN_ADDRESSES_MAX = 50_000


class Attempts:
    """The failed logins and the known addresses of one process."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, tuple[int, float]] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def is_known(self, name: str, address: str | None) -> bool:
        """Whether the owner of the name has logged in from this address."""
        return (name.lower(), network_of(address)) in self._known

    def check(self, name: str, address: str | None) -> None:
        """Raises RateLimited: there were too many wrong passwords for this name."""
        count, until = self._failures.get(name.lower(), (0, 0.0))
        left_s = until - time.monotonic()
        if count >= FAILURES_MAX and left_s > 0 and not self.is_known(name, address):
            raise RateLimited(
                f"More than {FAILURES_MAX} wrong passwords for this name in {WINDOW_S / 60:g} minutes;"
                " see Retry-After for the wait",
                math.ceil(left_s),
            )

    def failed(self, name: str) -> None:
        """Count a wrong password."""
        now = time.monotonic()
        count, until = self._failures.pop(name.lower(), (0, 0.0))
        if until <= now:
            count, until = 0, now + WINDOW_S
        self._failures[name.lower()] = (count + 1, until)
        if len(self._failures) > NAMES_MAX:
            self._failures.popitem(last=False)

    def succeeded(self, name: str, address: str | None) -> None:
        """Remember an address of the owner."""
        known = (name.lower(), network_of(address))
        self._known[known] = None
        self._known.move_to_end(known)
        if len(self._known) > KNOWN_ADDRESSES_MAX:
            self._known.popitem(last=False)


attempts = Attempts()
"""The instance that all functions of this process share."""
