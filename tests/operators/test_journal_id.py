"""The job that keeps the journal's id, with only its own permissions at a real API server."""

import base64
from pathlib import Path

import pytest
import yaml

from cift.install import journal
from cift.install.api import Api
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from tests.operators.cluster import Cluster

RULES = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create"]}]
"""As in charts/cift/templates/jobs.yaml (tests/chart/test_running.py)."""


@pytest.fixture
def api(cluster: Cluster, namespace: str, tmp_path: Path) -> Api:
    """The API with the token of an account that has only RULES."""
    made = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "metadata": {"name": "journal", "namespace": namespace},
    }
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": made["metadata"]},
        {**made, "kind": "Role", "rules": RULES},
        {
            **made,
            "kind": "RoleBinding",
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "journal"},
            "subjects": [{"kind": "ServiceAccount", "name": "journal", "namespace": namespace}],
        },
    )
    token, authority = tmp_path / "token", tmp_path / "ca.crt"
    token.write_text(cluster.kubectl("create", "token", "journal", "-n", namespace).stdout)
    server = yaml.safe_load(cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
    given = server.get("certificate-authority-data")
    authority.write_bytes(
        base64.b64decode(given) if given else Path(server["certificate-authority"]).read_bytes()
    )
    return Api(server["server"], token, authority, namespace)


async def test_the_id_is_kept_once_and_another_journal_is_an_error(
    api: Api, cluster: Cluster, namespace: str, platform: Platform
) -> None:
    id = await journal.id_of(Settings(nats_url=platform.settings.nats_url), timeout_s=10)
    assert id == await platform.nats.journal_id()
    assert journal.keep(api, "cift", id)
    assert not journal.keep(api, "cift", id)
    stored = cluster.get("configmap", "cift-journal", namespace)
    assert stored is not None and stored["data"] == {"id": id}
    with pytest.raises(journal.AnotherJournal, match=f"another, but the ConfigMap cift-journal names {id}"):
        journal.keep(api, "cift", "another")
    stored = cluster.get("configmap", "cift-journal", namespace)
    assert stored is not None and stored["data"] == {"id": id}
