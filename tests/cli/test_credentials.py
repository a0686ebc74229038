"""The credentials file: private, whole, and never sent to another place."""

import json
import stat
from pathlib import Path

from cift.cli import credentials
from cift.cli.credentials import Credentials


def test_the_file_is_private_and_follows_xdg(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    written = credentials.save(Credentials(url="http://x", api_key="cift_a_b"), environment)
    assert written == tmp_path / "cift" / "credentials"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    assert stat.S_IMODE(written.parent.stat().st_mode) == 0o700
    assert credentials.load(environment) == Credentials(url="http://x", api_key="cift_a_b")
    assert [each.name for each in written.parent.iterdir()] == ["credentials"]


def test_a_relative_xdg_folder_is_ignored_as_the_standard_says() -> None:
    assert credentials.path({"XDG_CONFIG_HOME": "here"}) == Path.home() / ".config" / "cift" / "credentials"


def test_the_environment_comes_first(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(url="http://x", refresh_token="r", access_token="a"), environment)
    assert credentials.load(environment | {"CIFT_API_KEY": "k"}) == Credentials(url="http://x", api_key="k")


def test_another_url_gets_no_credentials(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(url="http://x", refresh_token="r", access_token="a"), environment)
    elsewhere = credentials.load(environment | {"CIFT_URL": "http://elsewhere/"})
    assert elsewhere == Credentials(url="http://elsewhere")
    same = credentials.load(environment | {"CIFT_URL": "http://x/"})
    assert same.refresh_token == "r"


def test_a_broken_file_is_no_login(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(api_key="k"), environment)
    credentials.path(environment).write_text("{half")
    assert not credentials.load(environment).known


def test_forgetting_keeps_only_the_url(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(url="http://x", api_key="k"), environment)
    credentials.forget(environment)
    stored = json.loads(credentials.path(environment).read_text())
    assert stored["url"] == "http://x" and stored["api_key"] is None
