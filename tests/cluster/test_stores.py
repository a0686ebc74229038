"""An upgrade that would lose a store's data is refused, and changes nothing."""

import pytest

from cift.platform.stores import Platform
from tests.cluster.release import CHART, NAME, NAMESPACE, Release

CHANGES = {
    "nats.replicas=3": "nats.replicas is 1 in the running release and 3 in the values",
    "nats.storage.size=5Gi": "nats.storage.size is 3Gi in the running release and 5Gi in the values",
    "postgres.storage.size=1Gi": "postgres.storage.size is 2Gi in the running release and 1Gi",
    "postgres.storage.className=fast": "postgres.storage.className is",
    "nats.port=4333": "nats.port is 4222 in the running release and 4333 in the values",
    "postgres.enabled=false,postgres.existingSecret=mine": "postgres.enabled is true in the running release",
    "nats.enabled=false,nats.existingSecret=mine": "nats.enabled is true in the running release",
}


@pytest.mark.parametrize("change", list(CHANGES))
async def test_an_upgrade_that_would_lose_data_is_refused(
    release: Release, platform: Platform, change: str
) -> None:
    before = await platform.nats.journal()
    done = release.helm(
        *("upgrade", NAME, str(CHART), "--namespace", NAMESPACE, *release.values(change)), check=False
    )
    assert done.returncode != 0 and CHANGES[change] in done.stderr, done.stderr
    assert len(done.stderr) < 900, "the reason is one sentence and the remedy"
    id, sequence = await platform.nats.journal()
    assert id == before[0] and sequence >= before[1]
    assert release.status == "deployed"


async def test_the_journals_id_is_kept(release: Release, platform: Platform) -> None:
    kept = release.get("configmap", f"{NAME}-journal")["data"]["id"]
    assert kept == await platform.nats.journal_id()
