"""The chart's backups run the command that tests/backup proves, with the rights that it needs."""

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


def test_one_is_made_by_schedule_and_one_put_back_by_hand_only() -> None:
    made = jobs(schedule="5 4 * * *", keep=3)
    assert made["cift-backup"]["schedule"] == "5 4 * * *" and not made["cift-backup"].get("suspend")
    assert made["cift-restore"]["suspend"] is True
    assert container(made["cift-backup"])["args"] == ["cift.install", "backup", "/backup", "3"]
    assert container(made["cift-restore"])["args"] == ["cift.install", "restore", "/backup", "3"]
    assert "backup FOLDER KEEP" in (install.__doc__ or "") and "REPLICAS" in (install.__doc__ or "")


def test_it_has_the_owners_database_and_the_engines_bus() -> None:
    for job in jobs().values():
        told = {each["name"]: each["value"] for each in container(job)["env"]}
        assert told["CIFT_SHARD"] == "main"
        assert secrets(pod(job)) == {
            "CIFT_POSTGRES_URL": ("cift-postgres", "url"),
            "CIFT_NATS_URL": ("cift-nats", "url-engine"),
        }


def test_the_volume_outlives_the_release_or_is_yours() -> None:
    made = render(backup={"enabled": True})
    (claim,) = [each for each in made if each["kind"] == "PersistentVolumeClaim"]
    assert claim["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"
    yours = render(backup={"enabled": True, "volume": {"existingClaim": "elsewhere"}})
    assert not [each for each in yours if each["kind"] == "PersistentVolumeClaim"]
    volumes = {
        each["spec"]["jobTemplate"]["spec"]["template"]["spec"]["volumes"][0]["persistentVolumeClaim"][
            "claimName"
        ]
        for each in yours
        if each["kind"] == "CronJob"
    }
    assert volumes == {"elsewhere"}


def test_without_it_there_is_nothing_of_it() -> None:
    assert not [each for each in render() if each["kind"] in ("CronJob", "PersistentVolumeClaim")]
