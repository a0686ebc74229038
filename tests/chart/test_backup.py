"""The chart's backup jobs run the command that tests/backup tests, with the credentials it needs."""

from typing import Any

from cift.install import __main__ as install
from tests.chart.helm import render, secrets


def jobs(**backup: Any) -> dict[str, dict[str, Any]]:
    rendered = render(backup={"enabled": True, **backup}, nats={"replicas": 3})
    return {each["metadata"]["name"]: each["spec"] for each in rendered if each["kind"] == "CronJob"}


def pod(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = job["jobTemplate"]["spec"]["template"]["spec"]
    return found


def container(job: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = pod(job)["containers"][0]
    return found


def test_backups_are_scheduled_and_restores_are_started_by_hand() -> None:
    made = jobs(schedule="5 4 * * *", keep=3)
    assert made["cift-backup"]["schedule"] == "5 4 * * *" and not made["cift-backup"].get("suspend")
    assert made["cift-restore"]["suspend"] is True
    assert container(made["cift-backup"])["args"] == ["cift.install", "backup", "/backup", "3"]
    assert container(made["cift-restore"])["args"] == ["cift.install", "restore", "/backup", "3"]
    assert "backup FOLDER KEEP" in (install.__doc__ or "") and "REPLICAS" in (install.__doc__ or "")


def test_the_jobs_have_the_database_and_the_engines_nats_user() -> None:
    for job in jobs().values():
        variables = {each["name"]: each["value"] for each in container(job)["env"]}
        assert variables["CIFT_SHARD"] == "main"
        assert secrets(pod(job)) == {
            "CIFT_POSTGRES_URL": ("cift-postgres", "url"),
            "CIFT_NATS_URL": ("cift-nats", "url-engine"),
        }


def test_the_volume_outlives_the_release_or_is_an_existing_one() -> None:
    made = render(backup={"enabled": True})
    (claim,) = [each for each in made if each["kind"] == "PersistentVolumeClaim"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    existing = render(backup={"enabled": True, "volume": {"existingClaim": "elsewhere"}})
    assert not [each for each in existing if each["kind"] == "PersistentVolumeClaim"]
    volumes = {
        each["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"][
            "claimName"
        ]
        for each in existing
        if each["kind"] == "CronJob"
    }
    assert volumes == {"elsewhere"}


def test_without_backups_there_is_no_job_and_no_volume() -> None:
    assert not [each for each in render() if each["kind"] in ("CronJob", "PersistentVolumeClaim")]
