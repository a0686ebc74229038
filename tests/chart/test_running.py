"""matchd gets the journal's id. tests/cluster/test_stores.py upgrades a running release."""

from typing import Any

from tests.chart.helm import named, render


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
