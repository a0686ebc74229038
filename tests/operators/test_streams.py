"""MarketStreams are made and kept as declared. They drop data only with deletionPolicy Delete."""

import itertools
import os
from typing import Any

import pytest
import pytest_asyncio

from cift.kernel.errors import Refused
from cift.platform.stores import Platform
from operators.jetstream import JetStream
from tests.operators.cluster import Cluster, condition, stream, tenant_stream, tenant_subject
from tests.stack import eventually
from tests.target import until

pytestmark = pytest.mark.usefixtures("operator")
_numbers = itertools.count(1)
CONSUMERS = [{"name": "a"}, {"name": "b", "acknowledge": "all", "from": "new"}]


@pytest.fixture
def name(namespace: str) -> str:
    """The name of a stream for one test."""
    return tenant_stream(namespace, f"TEST_{os.getpid()}_{next(_numbers)}")


@pytest_asyncio.fixture(loop_scope="session")
async def jetstream(platform: Platform) -> JetStream:
    return JetStream(platform.nats)


async def config_of(jetstream: JetStream, name: str) -> dict[str, Any]:
    found = await jetstream.stream(name)
    assert found is not None, f"there is no stream {name}"
    config: dict[str, Any] = found["config"]
    return config


async def publish(platform: Platform, namespace: str, name: str, count: int) -> None:
    for number in range(count):
        await platform.nats.request(tenant_subject(namespace, f"{name.lower()}.x"), b"%d" % number, 5)


async def test_a_declared_stream_is_made(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform
) -> None:
    cluster.apply(stream("s", namespace, name, maxMessages=50, maxAge="1h", consumers=CONSUMERS))
    found = cluster.stream("s", namespace)
    config = await config_of(jetstream, name)
    assert (config["max_msgs"], config["max_age"], config["storage"]) == (50, 3600 * 10**9, "memory")
    consumers = {each["name"]: each["config"] for each in await jetstream.consumers(name)}
    assert {id: each["ack_policy"] for id, each in consumers.items()} == {"a": "explicit", "b": "all"}
    assert consumers["b"]["deliver_policy"] == "new"
    await publish(platform, namespace, name, 3)
    cluster.until(
        "mstream",
        "s",
        namespace,
        lambda each: each["status"]["messages"] == 3,
        "the status counts the messages",
    )
    assert found["status"]["consumers"] == 2 and "finalizers" not in found["metadata"]
    wanted = {"StreamCreated", "ConsumerCreated"}
    eventually(lambda: wanted <= set(cluster.events("s", namespace)), "the events are written")


async def test_edits_are_applied(cluster: Cluster, namespace: str, jetstream: JetStream, name: str) -> None:
    cluster.apply(stream("s", namespace, name))
    cluster.stream("s", namespace)
    more = tenant_subject(namespace, "more")
    subjects = [tenant_subject(namespace, f"{name.lower()}.>"), more]
    change = {"maxBytes": 4096, "subjects": subjects, "consumers": CONSUMERS}
    cluster.patch("mstream", "s", namespace, {"spec": change})
    cluster.stream("s", namespace)
    config = await config_of(jetstream, name)
    assert config["max_bytes"] == 4096 and more in config["subjects"]
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
    await publish(platform, namespace, name, 2)
    await jetstream.put_consumer(name, {"durable_name": "others", "ack_policy": "explicit"}, create=True)
    config = await config_of(jetstream, name)
    await jetstream.update_stream({**config, "max_msgs": 10, "description": "mine"})
    await jetstream.delete_consumer(name, "a")

    async def as_declared() -> bool:
        config = await config_of(jetstream, name)
        names = {each["name"] for each in await jetstream.consumers(name)}
        # Undeclared settings stay: the consumer of others, the description.
        return config["max_msgs"] == 50 and config["description"] == "mine" and names == {"a", "b", "others"}

    await until(as_declared, "the stream is as declared")
    found = await jetstream.stream(name)
    assert found is not None and found["state"]["messages"] == 2
    await jetstream.delete_stream(name)

    async def is_back() -> bool:
        return await jetstream.stream(name) is not None and len(await jetstream.consumers(name)) == 2

    await until(is_back, "the deleted stream is back")


async def test_data_is_dropped_only_with_policy_delete(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform
) -> None:
    cluster.apply(stream("s", namespace, name, consumers=CONSUMERS))
    cluster.stream("s", namespace)
    await publish(platform, namespace, name, 5)
    cluster.patch("mstream", "s", namespace, {"spec": {"maxMessages": 2}})
    found = cluster.until(
        "mstream",
        "s",
        namespace,
        lambda each: condition(each, "Ready")["reason"] == "WouldDropData",
        "the condition reports what would be dropped",
    )
    assert "holds 5 messages, more than maxMessages 2" in condition(found, "StreamReady")["message"]
    info = await jetstream.stream(name)
    assert info is not None and info["state"]["messages"] == 5
    # A consumer's position is not dropped either.
    cluster.patch("mstream", "s", namespace, {"spec": {"maxMessages": 5, "consumers": [CONSUMERS[0]]}})
    kept = condition(cluster.stream("s", namespace), "ConsumersReady")
    assert kept["reason"] == "ConsumersKept" and kept["message"].endswith("deletionPolicy Retain: b")
    assert len(await jetstream.consumers(name)) == 2
    # With policy Delete both are dropped.
    cluster.patch("mstream", "s", namespace, {"spec": {"maxMessages": 2, "deletionPolicy": "Delete"}})
    cluster.stream("s", namespace)
    info = await jetstream.stream(name)
    assert info is not None and info["state"]["messages"] == 2
    assert [each["name"] for each in await jetstream.consumers(name)] == ["a"]


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
async def test_deletion_follows_the_policy(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform, policy: str
) -> None:
    cluster.apply(stream("s", namespace, name, deletionPolicy=policy))
    cluster.stream("s", namespace)
    await publish(platform, namespace, name, 1)
    cluster.delete("mstream", "s", namespace)
    found = await jetstream.stream(name)
    if policy == "Delete":
        assert found is None
    else:
        assert found is not None and found["state"]["messages"] == 1
        # A new resource for the same stream manages it again.
        cluster.apply(stream("again", namespace, name))
        assert cluster.stream("again", namespace)["status"]["messages"] == 1


async def test_a_stream_has_one_resource(
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
        "the condition names the other resource",
    )
    assert f"{namespace}/first" in condition(second, "Ready")["message"]
    cluster.delete("mstream", "second", namespace)
    assert (await config_of(jetstream, name))["max_msgs"] == 7


async def test_an_error_of_nats_is_reported(cluster: Cluster, namespace: str, name: str) -> None:
    cluster.apply(stream("first", namespace, name))
    cluster.stream("first", namespace)
    cluster.apply(
        stream("second", namespace, f"{name}B", subjects=[tenant_subject(namespace, f"{name.lower()}.x")])
    )
    found = cluster.until(
        "mstream",
        "second",
        namespace,
        lambda each: condition(each, "Ready")["reason"] == "RefusedByNats",
        "the condition reports the error",
    )
    assert "overlap" in condition(found, "Ready")["message"]


async def test_a_tenant_reaches_no_stream_of_the_exchange_or_of_another_namespace(
    cluster: Cluster, namespace: str, jetstream: JetStream, name: str, platform: Platform
) -> None:
    config = {"name": "MARKET_DATA", "subjects": ["market_data.>"], "storage": "memory", "num_replicas": 1}
    await jetstream.create_stream(config)
    cluster.apply(stream("mine", namespace, name))
    cluster.stream("mine", namespace)
    await publish(platform, namespace, name, 1)
    try:
        with cluster.namespace() as other:
            wanted = {
                "takes": ("MARKET_DATA", ["market_data.>"]),
                "name": (name, [tenant_subject(other, "x")]),
                "subject": (tenant_stream(other, "X"), [tenant_subject(namespace, f"{name.lower()}.>")]),
            }
            for resource, (taken, subjects) in wanted.items():
                policy = {"subjects": subjects, "deletionPolicy": "Delete"}
                cluster.apply(stream(resource, other, taken, **policy))
                found = cluster.until(
                    "mstream",
                    resource,
                    other,
                    lambda each: condition(each, "Ready")["reason"] == "OutsideNamespace",
                    "the condition names the namespace's prefix",
                )
                assert "must begin with" in condition(found, "StreamReady")["message"]
                cluster.delete("mstream", resource, other)
        assert (await config_of(jetstream, "MARKET_DATA"))["subjects"] == ["market_data.>"]
        assert not (await config_of(jetstream, "MARKET_DATA")).get("metadata", {}).get("cift.markets/uid")
        assert (await config_of(jetstream, name))["subjects"] == [
            tenant_subject(namespace, f"{name.lower()}.>")
        ]
    finally:
        await jetstream.delete_stream("MARKET_DATA")


async def test_the_journal_cannot_be_changed(jetstream: JetStream) -> None:
    """The CRD rejects such a resource, and the JetStream client rejects the call."""
    for name in ("ORDERS", "ORDERS_EU", "UPDATES", "OBJ_ENGINE_main", "KV_X"):
        for call in (jetstream.update_stream, jetstream.create_stream):
            with pytest.raises(Refused, match="belongs to the engine"):
                await call({"name": name})
        with pytest.raises(Refused, match="belongs to the engine"):
            await jetstream.delete_stream(name)
        with pytest.raises(Refused, match="belongs to the engine"):
            await jetstream.put_consumer(name, {"durable_name": "x"}, create=True)
