"""Settings that are read from files."""

from pathlib import Path

import pytest

from cift.platform.settings import InvalidSettings, Settings, with_files


def test_a_file_supplies_a_variable_that_is_not_set(tmp_path: Path) -> None:
    url = tmp_path / "CIFT_POSTGRES_URL"
    url.write_text("postgresql://cift:word@db:5432/cift\n")
    environment = {"CIFT_DATA": str(tmp_path), "CIFT_POSTGRES_URL_FILE": str(url)}
    assert Settings.load(environment).postgres_url == "postgresql://cift:word@db:5432/cift"
    assert (
        Settings.load({**environment, "CIFT_POSTGRES_URL": "postgresql:///own"}).postgres_url
        == "postgresql:///own"
    )
    assert with_files({"OTHER_FILE": str(url), "CIFT_X_FILE": ""}) == {
        "OTHER_FILE": str(url),
        "CIFT_X_FILE": "",
    }


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettings, match=r"CIFT_NATS_URL_FILE: .*/none cannot be read: No such file"):
        Settings.load({"CIFT_NATS_URL_FILE": str(tmp_path / "none")})
