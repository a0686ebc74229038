"""matchd gets the journal's id. tests/cluster/test_stores.py upgrades a running release."""

from pathlib import Path
from typing import Any

import yaml

from tests.chart.helm import CHART, helm, named, render

GI = 1024**3
SIZES = {"2Gi": 2 * GI, "2048Mi": 2 * GI, "1.5Gi": 3 * GI // 2, "8G": 8 * 10**9, "2.147483648e+09": 2 * GI}


def test_sizes_of_stores_are_compared_in_bytes(tmp_path: Path) -> None:
    """The API server returns 2048Mi as 2Gi, which is no change."""
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: sizes\nversion: 0.1.0\n")
    helpers = "_running.tpl"
    (tmp_path / "templates" / helpers).write_text((CHART / "templates" / helpers).read_text())
    lines = [f'"{size}": "{{{{ include "cift.bytes" "{size}" }}}}"' for size in SIZES]
    (tmp_path / "templates" / "sizes.yaml").write_text("\n".join(lines))
    found = yaml.safe_load(helm("template", "sizes", str(tmp_path)).stdout)
    assert {size: int(text) for size, text in found.items()} == SIZES


def test_matchd_reads_the_journals_id_from_the_config_map_if_there_is_one() -> None:
    pod = named(render(), "StatefulSet", "cift-matchd")["spec"]["template"]["spec"]
    (given,) = [each for each in pod["containers"][0]["env"] if each["name"] == "CIFT_JOURNAL_ID"]
    reference = {"name": "cift-journal", "key": "id", "optional": True}
    assert given["valueFrom"] == {"configMapKeyRef": reference}


def test_a_job_keeps_the_journals_id_unless_no_engine_runs() -> None:
    def jobs(**values: Any) -> set[str]:
        return {each["metadata"]["name"] for each in render(**values) if each["kind"] == "Job"}

    assert "cift-journal" in jobs()
    assert "cift-journal" not in jobs(matchd={"replicas": 0}), (
        "a backup is restored before there is a journal"
    )
    job = named(render(), "Job", "cift-journal")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,post-upgrade"
    rules = named(render(), "Role", "cift-journal")["rules"]
    assert rules == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "create"]}]
