"""Shells of the running exchange's stores: `make db-shell`, `nats-shell`, `valkey-shell`, `clickhouse-shell`
and `questdb-shell`."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import Any

from cift.platform.settings import Settings
from cift.run import servers

NAMES = ("db", "nats", "valkey", "clickhouse", "questdb")


class NoShell(Exception):
    """The store has no shell now; one sentence."""


def open_shell(name: str, arguments: list[str], addresses: dict[str, Any], settings: Settings) -> None:
    """Run one of `NAMES` until its user ends it. `arguments` go to psql; `nats` takes a subject.

    Args:
        addresses: run.json of the running exchange.

    Raises:
        NoShell: this exchange has no such store, or only its functions can open it.
    """
    match name:
        case "db":
            _psql(addresses["postgres_url"], arguments)
        case "nats":
            asyncio.run(_watch(addresses["nats_url"], *arguments))
        case "valkey":
            asyncio.run(_valkey(addresses["valkey_url"]))
        case "clickhouse":
            asyncio.run(_clickhouse(settings))
        case "questdb":
            if settings.questdb_url == "none":
                raise NoShell("This exchange has no QuestDB: CIFT_QUESTDB_URL names one")
            _psql(settings.questdb_url, arguments)


def _psql(url: str, arguments: list[str]) -> None:
    psql = servers.postgres_binary("psql")
    os.execv(psql, [psql, url, *arguments])  # noqa: S606


async def _watch(url: str, subject: str = "updates.>") -> None:
    import nats

    client = await nats.connect(url)
    subscription = await client.subscribe(subject)
    print(f"Messages of {subject}; Ctrl-C ends.", flush=True)
    async for message in subscription.messages:
        print(f"{message.subject}  {len(message.data)} bytes  {dict(message.headers or {})}", flush=True)


async def _valkey(url: str) -> None:
    import redis.asyncio
    from redis.exceptions import RedisError

    client: Any = redis.asyncio.from_url(url)

    async def execute(line: str) -> str:
        try:
            return repr(await client.execute_command(*line.split()))
        except RedisError as error:
            return f"error: {error}"

    await _prompt("valkey> ", execute)
    await client.aclose()


async def _clickhouse(settings: Settings) -> None:
    url = settings.clickhouse_url
    if not url.startswith("http"):
        raise NoShell(
            "CIFT_CLICKHOUSE_URL names no server. The embedded ClickHouse belongs to the functions' process,"
            " and no other process can open it: use `cift data query`"
        )
    import clickhouse_connect
    from clickhouse_connect.driver.exceptions import ClickHouseError

    client = await asyncio.to_thread(clickhouse_connect.get_client, dsn=url)

    async def execute(line: str) -> str:
        try:
            answer = await asyncio.to_thread(client.raw_query, line.rstrip(";"), fmt="PrettyCompactMonoBlock")
        except ClickHouseError as error:
            return f"error: {error}"
        return answer.decode().rstrip("\n")

    await _prompt("clickhouse> ", execute)
    client.close()


async def _prompt(prompt: str, execute: Callable[[str], Awaitable[str]]) -> None:
    """Read lines until an empty one or the end of the input; print what `execute` returns for each."""

    def read() -> str:
        try:
            return input(prompt).strip()
        except EOFError:
            return ""

    while line := await asyncio.to_thread(read):
        print(await execute(line), flush=True)
