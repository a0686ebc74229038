"""MarketStreams: made, kept, never dropping data unless told."""

import asyncio
import itertools
import os
from typing import Any

import pytest
import pytest_asyncio

from cift.kernel.errors import Refused
from cift.platform.stores import Platform
from operators.jetstream import JetStream
from tests.operators.cluster import Cluster, condition, stream
from tests.stack import eventually

pytestmark = pytest.mark.usefixtures("operator")
_numbers = itertools.count(1)
CONSUMERS = [{"name": "a"}, {"name": "b", "acknowledge": "all", "from": "new"}]


@pytest.fixture
def name() -> str:
    """A stream that nobody else uses."""
    return f"TEST_{os.getpid()}_{next(_numbers)}"


@pytest_asyncio.fixture(loop_scope="session")
async def jetstream(platform: Platform) -> JetStream:
    return JetStream(platform.nats)


async def config_of(jetstream: JetStream, name: str) -> dict[str, Any]:
    found = await jetstream.stream(name)
    assert found is not None, f"there is no stream {name}"
    config: dict[str, Any] = found["config"]
    return config


async def publish(platform: Platform, name: str, count: int) -> None:
    for number in range(count):
        await platform.nats.request(f"{name.lower()}.x", b"%d" % number, 5)


async def test_declared_is_made(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform
) -> None:
    cluster.apply(stream("s", namespace, name, maxMessages=50, maxAge="1h", consumers=CONSUMERS))
    found = cluster.stream("s", namespace)
    config = await config_of(jetstream, name)
    assert (config["max_msgs"], config["max_age"], config["storage"]) == (50, 3600 * 10**9, "memory")
    consumers = {each["name"]: each["config"] for each in await jetstream.consumers(name)}
    assert {id: each["ack_policy"] for id, each in consumers.items()} == {"a": "explicit", "b": "all"}
    assert consumers["b"]["deliver_policy"] == "new"
    await publish(platform, name, 3)
    cluster.until("mstream", "s", namespace, lambda each: each["status"]["messages"] == 3, "it tells of them")
    assert found["status"]["consumers"] == 2 and "finalizers" not in found["metadata"]
    wanted = {"StreamCreated", "ConsumerCreated"}
    eventually(lambda: wanted <= set(cluster.events("s", namespace)), "the story is told")


async def test_edits_are_carried_out(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str
) -> None:
    cluster.apply(stream("s", namespace, name))
    cluster.stream("s", namespace)
    change = {"maxBytes": 4096, "subjects": [f"{name.lower()}.>", f"more.{name}"], "consumers": CONSUMERS}
    cluster.patch("mstream", "s", namespace, {"spec": change})
    cluster.stream("s", namespace)
    config = await config_of(jetstream, name)
    assert config["max_bytes"] == 4096 and f"more.{name}" in config["subjects"]
    changed = [{"name": "a", "ackWait": "5s", "maxDeliver": 7}, CONSUMERS[1]]
    cluster.patch("mstream", "s", namespace, {"spec": {"consumers": changed}})
    cluster.stream("s", namespace)
    (a,) = [each["config"] for each in await jetstream.consumers(name) if each["name"] == "a"]
    assert (a["ack_wait"], a["max_deliver"]) == (5 * 10**9, 7)


async def test_drift_is_repaired(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform
) -> None:
    cluster.apply(stream("s", namespace, name, maxMessages=50, consumers=CONSUMERS))
    cluster.stream("s", namespace)
    await publish(platform, name, 2)
    await jetstream.put_consumer(name, {"durable_name": "others", "ack_policy": "explicit"}, create=True)
    config = await config_of(jetstream, name)
    await jetstream.update_stream({**config, "max_msgs": 10, "description": "mine"})
    await jetstream.delete_consumer(name, "a")

    async def as_declared() -> bool:
        config = await config_of(jetstream, name)
        names = {each["name"] for each in await jetstream.consumers(name)}
        # What is not declared stays: somebody's consumer, a description.
        return config["max_msgs"] == 50 and config["description"] == "mine" and names == {"a", "b", "others"}

    await until(as_declared)
    found = await jetstream.stream(name)
    assert found is not None and found["state"]["messages"] == 2
    await jetstream.delete_stream(name)

    async def is_back() -> bool:
        return await jetstream.stream(name) is not None and len(await jetstream.consumers(name)) == 2

    await until(is_back)


async def until(check: Any) -> None:
    for _ in range(300):
        if await check():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within 30 s")


async def test_data_is_not_dropped_unless_told(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform
) -> None:
    cluster.apply(stream("s", namespace, name, consumers=CONSUMERS))
    cluster.stream("s", namespace)
    await publish(platform, name, 5)
    cluster.patch("mstream", "s", namespace, {"spec": {"maxMessages": 2}})
    found = cluster.until(
        "mstream",
        "s",
        namespace,
        lambda each: condition(each, "Ready")["reason"] == "WouldDropData",
        "it says what would be lost",
    )
    assert "holds 5 messages, more than maxMessages 2" in condition(found, "StreamReady")["message"]
    told = await jetstream.stream(name)
    assert told is not None and told["state"]["messages"] == 5
    # Nor is a consumer's place.
    cluster.patch("mstream", "s", namespace, {"spec": {"maxMessages": 5, "consumers": [CONSUMERS[0]]}})
    kept = condition(cluster.stream("s", namespace), "ConsumersReady")
    assert kept["reason"] == "ConsumersKept" and "b is declared no more" in kept["message"]
    assert len(await jetstream.consumers(name)) == 2
    # Told to, it does both.
    cluster.patch("mstream", "s", namespace, {"spec": {"maxMessages": 2, "deletionPolicy": "Delete"}})
    cluster.stream("s", namespace)
    told = await jetstream.stream(name)
    assert told is not None and told["state"]["messages"] == 2
    assert [each["name"] for each in await jetstream.consumers(name)] == ["a"]


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_deletion(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform, policy: str
) -> None:
    cluster.apply(stream("s", namespace, name, deletionPolicy=policy))
    cluster.stream("s", namespace)
    await publish(platform, name, 1)
    cluster.delete("mstream", "s", namespace)
    found = await jetstream.stream(name)
    if policy == "Delete":
        assert found is None
    else:
        assert found is not None and found["state"]["messages"] == 1
        # Declared again, the same stream is managed again.
        cluster.apply(stream("again", namespace, name))
        assert cluster.stream("again", namespace)["status"]["messages"] == 1


async def test_a_stream_is_one_resources(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str
) -> None:
    cluster.apply(stream("first", namespace, name, maxMessages=7))
    cluster.stream("first", namespace)
    cluster.apply(stream("second", namespace, name, maxMessages=9, deletionPolicy="Delete"))
    second = cluster.until(
        "mstream",
        "second",
        namespace,
        lambda each: condition(each, "Ready")["reason"] == "ManagedByAnother",
        "it says whose it is",
    )
    assert f"{namespace}/first" in condition(second, "Ready")["message"]
    cluster.delete("mstream", "second", namespace)
    assert (await config_of(jetstream, name))["max_msgs"] == 7


async def test_what_nats_refuses_is_said(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.apply(stream("first", namespace, name))
    cluster.stream("first", namespace)
    cluster.apply(stream("second", namespace, f"{name}B", subjects=[f"{name.lower()}.x"]))
    found = cluster.until(
        "mstream",
        "second",
        namespace,
        lambda each: condition(each, "Ready")["reason"] == "RefusedByNats",
        "it says why",
    )
    assert "overlap" in condition(found, "Ready")["message"]


async def test_the_exchanges_own_streams_may_be_declared(
    cluster: Cluster, namespace: str, jetstream: JetStream
) -> None:
    before = await config_of(jetstream, "EVENTS")
    cluster.apply(stream("events", namespace, "EVENTS", maxBytes=before["max_bytes"]))
    cluster.stream("events", namespace)
    after = await config_of(jetstream, "EVENTS")
    assert {**after, "metadata": None} == {**before, "metadata": None}


async def test_the_journal_is_never_touched(jetstream: JetStream) -> None:
    """The definition refuses it; so does what speaks to JetStream, whoever asks."""
    for name in ("ORDERS", "ORDERS_EU", "OBJ_ENGINE_main", "KV_X"):
        for call in (jetstream.update_stream, jetstream.create_stream):
            with pytest.raises(Refused, match="belongs to the engine"):
                await call({"name": name})
        with pytest.raises(Refused, match="belongs to the engine"):
            await jetstream.delete_stream(name)
        with pytest.raises(Refused, match="belongs to the engine"):
            await jetstream.put_consumer(name, {"durable_name": "x"}, create=True)
