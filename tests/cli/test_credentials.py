"""The credentials file: private, complete, and sent to its own URL only."""

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


def test_a_relative_xdg_folder_is_ignored() -> None:
    assert credentials.path({"XDG_CONFIG_HOME": "here"}) == Path.home() / ".config" / "cift" / "credentials"


def test_the_environment_takes_precedence(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(url="http://x", refresh_token="r", access_token="a"), environment)
    assert credentials.load(environment | {"CIFT_API_KEY": "k"}) == Credentials(url="http://x", api_key="k")


def test_credentials_are_not_sent_to_another_url(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(url="http://x", refresh_token="r", access_token="a"), environment)
    elsewhere = credentials.load(environment | {"CIFT_URL": "http://elsewhere/"})
    assert elsewhere == Credentials(url="http://elsewhere")
    same = credentials.load(environment | {"CIFT_URL": "http://x/"})
    assert same.refresh_token == "r"


def test_an_unreadable_file_counts_as_not_logged_in(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(api_key="k"), environment)
    credentials.path(environment).write_text("{half")
    assert not credentials.load(environment).known


def test_logout_keeps_only_the_url(tmp_path: Path) -> None:
    environment = {"XDG_CONFIG_HOME": str(tmp_path)}
    credentials.save(Credentials(url="http://x", api_key="k"), environment)
    credentials.forget(environment)
    stored = json.loads(credentials.path(environment).read_text())
    assert stored["url"] == "http://x" and stored["api_key"] is None
