"""Rate limits: token buckets in Valkey. Processes lease a tenth of a bucket, so that most requests need no
round trip.

A process leases up to a tenth of a bucket's tokens at a time and spends them itself. Unspent tokens expire
when the bucket has refilled by as many, but not before a second. So a limit holds over all processes, with an
error of at most one lease per process, and expired tokens never cause a refusal of a caller within the limit.
Concurrent requests of one caller wait for one lease instead of taking one each.

Without Valkey each process enforces the limit by itself: a cache that is down must not stop the exchange.
`cift_valkey_gone_total{use="rate_limit"}` counts this.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from cift.kernel.addresses import network_of
from cift.kernel.errors import RateLimited, Unauthenticated
from cift.platform import telemetry
from cift.platform.settings import Settings
from cift.platform.valkey import Valkey, ValkeyUnavailable

T = TypeVar("T")
LEASE_MIN_S = 1.0
LOCAL_BUCKETS_MAX = 50_000

# KEYS[1] bucket; ARGV: capacity, tokens per second, wanted. Returns the tokens granted and, if none,
# the milliseconds until there is one. Only the server's clock is used.
_TAKE = """
local capacity, rate, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local t = redis.call('TIME')
local now = t[1] * 1000 + t[2] / 1000
local b = redis.call('HMGET', KEYS[1], 'n', 't')
local n = tonumber(b[1]) or capacity
n = math.min(capacity, n + (now - (tonumber(b[2]) or now)) * rate / 1000)
local granted = math.min(wanted, math.floor(n))
n = n - granted
redis.call('HSET', KEYS[1], 'n', tostring(n), 't', tostring(now))
redis.call('PEXPIRE', KEYS[1], math.ceil(capacity / rate * 1000) + 1000)
local wait = 0
if granted == 0 then wait = math.ceil((1 - n) * 1000 / rate) end
return {granted, wait}
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `requests` in `per_s` seconds; one burst may use all of them."""

    kind: str
    requests: int
    per_s: float


@dataclass(slots=True)
class _Bucket:
    left: float  # tokens of the lease or, without Valkey, of this process's own bucket
    until: float  # monotonic: when the lease expires
    refused_until: float  # monotonic: the bucket is known to be empty until then
    local_at: float = 0.0  # monotonic: last refill of the own bucket; 0: Valkey has the bucket
    leasing: asyncio.Lock = field(default_factory=asyncio.Lock)


class Limits:
    """The rate limits of this process."""

    def __init__(self, settings: Settings, valkey: Valkey) -> None:
        self._valkey = valkey
        self._take: Any = None
        self._buckets: dict[str, _Bucket] = {}
        self.user = Limit("user", settings.rate_limit, 1.0)
        self.public = Limit("public", settings.rate_limit_public, 1.0)
        self.auth = Limit("auth", settings.rate_limit_auth, 60.0)
        self.failures = Limit("failures", settings.rate_limit_failures, 60.0)

    async def spend(self, limit: Limit, who: str) -> None:
        """Count one request of `who`.

        Raises:
            RateLimited: with the seconds to wait.
        """
        key = f"{limit.kind}:{who}"
        now = time.monotonic()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= LOCAL_BUCKETS_MAX:
                self._forget(now)
            bucket = self._buckets[key] = _Bucket(0.0, 0.0, 0.0)
        if not self._spent(bucket, limit, now):
            async with bucket.leasing:
                if not self._spent(bucket, limit, time.monotonic()):
                    await self._lease(limit, key, bucket)

    def check(self, limit: Limit, who: str) -> None:
        """Count nothing. Raises RateLimited if the bucket is known to be empty."""
        bucket = self._buckets.get(f"{limit.kind}:{who}")
        if bucket is not None:
            now = time.monotonic()
            if now < bucket.refused_until:
                self._refuse(limit, bucket.refused_until - now)

    async def credential(self, address: str | None, check: Callable[[], Awaitable[T]]) -> T:
        """The result of `check`, the check of a credential. An address whose checks failed too often is
        refused without another one: it costs queries of the database.

        Raises:
            RateLimited, and what `check` raises.
        """
        who = network_of(address)
        self.check(self.failures, who)
        try:
            return await check()
        except Unauthenticated:
            try:
                await self.spend(self.failures, who)
            except RateLimited:
                pass  # this one was checked; the next one is refused
            raise

    def _spent(self, bucket: _Bucket, limit: Limit, now: float) -> bool:
        """Spend a token of the lease; False if it has none. Raises RateLimited if the bucket is known to be
        empty."""
        if bucket.left >= 1 and now < bucket.until:
            bucket.left -= 1
            return True
        if now < bucket.refused_until:
            self._refuse(limit, bucket.refused_until - now)
        return False

    async def _lease(self, limit: Limit, key: str, bucket: _Bucket) -> None:
        """Lease tokens and spend one of them. Raises RateLimited."""
        rate, wanted = limit.requests / limit.per_s, max(1, limit.requests // 10)
        if self._take is None:
            self._take = self._valkey.client.register_script(_TAKE)
        try:
            granted, wait_ms = await self._valkey.run(
                self._take(keys=[f"limit:{key}"], args=[limit.requests, rate, wanted])
            )
        except ValkeyUnavailable:
            telemetry.valkey_gone.labels("rate_limit").inc()
            self._spend_own(limit, bucket, rate)
            return
        now = time.monotonic()
        bucket.local_at = 0.0
        if granted == 0:
            bucket.refused_until = now + wait_ms / 1000
            self._refuse(limit, wait_ms / 1000)
        bucket.left = granted - 1
        bucket.until = now + max(LEASE_MIN_S, granted / rate)

    def _spend_own(self, limit: Limit, bucket: _Bucket, rate: float) -> None:
        now = time.monotonic()
        if bucket.local_at == 0.0:
            bucket.left = float(limit.requests)
        else:
            bucket.left = min(limit.requests, bucket.left + (now - bucket.local_at) * rate)
        bucket.local_at = now
        bucket.until = 0.0  # not a lease: the next request tries Valkey again
        if bucket.left < 1:
            self._refuse(limit, (1 - bucket.left) / rate)
        bucket.left -= 1

    def _refuse(self, limit: Limit, wait_s: float) -> None:
        telemetry.rate_limited.labels(limit.kind).inc()
        raise RateLimited(
            f"More than {limit.requests} requests in {limit.per_s:g} s; see Retry-After for the wait",
            max(1, math.ceil(wait_s)),
        )

    def _forget(self, now: float) -> None:
        """Drop idle buckets or, if none is idle, all of them: that loses their leases and nothing else."""
        idle = [
            key
            for key, b in self._buckets.items()
            if now >= b.until and now >= b.refused_until and now - b.local_at > 60
        ]
        for key in idle:
            del self._buckets[key]
        if len(self._buckets) >= LOCAL_BUCKETS_MAX:
            self._buckets.clear()
