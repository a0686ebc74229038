"""The credentials file of the command line.

`$XDG_CONFIG_HOME/cift/credentials` (or `~/.config/cift/credentials`), JSON, mode 600. It holds the URL of
the login and an API key or the tokens of a session. `CIFT_URL` and `CIFT_API_KEY` take precedence.
Credentials are sent to the URL of their login only.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

DEFAULT_URL = "http://127.0.0.1:8000"


@dataclass(frozen=True)
class Credentials:
    """URL and credentials of requests. `expires_at`: expiry of the access token in Unix seconds."""

    url: str = DEFAULT_URL
    api_key: str | None = None
    access_token: str | None = None
    refresh_token: str | None = None
    expires_at: float = 0.0

    @property
    def known(self) -> bool:
        return self.api_key is not None or self.refresh_token is not None


def path(environment: Mapping[str, str] = os.environ) -> Path:
    """The file's path. The file may not exist."""
    base = environment.get("XDG_CONFIG_HOME")
    folder = Path(base) if base and Path(base).is_absolute() else Path.home() / ".config"
    return folder / "cift" / "credentials"


def load(environment: Mapping[str, str] = os.environ) -> Credentials:
    """The credentials of the environment, else those of the file."""
    try:
        stored = json.loads(path(environment).read_text())
        found = Credentials(**{name: stored[name] for name in asdict(Credentials()) if name in stored})
    except (OSError, ValueError, TypeError):
        found = Credentials()
    url = environment.get("CIFT_URL")
    if url and url.rstrip("/") != found.url:
        found = Credentials(url=url.rstrip("/"))
    api_key = environment.get("CIFT_API_KEY")
    if api_key:
        found = Credentials(url=found.url, api_key=api_key)
    return found


def save(credentials: Credentials, environment: Mapping[str, str] = os.environ) -> Path:
    """Replace the file atomically. It is never readable by others."""
    target = path(environment)
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=".credentials-")  # mkstemp: mode 600
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(credentials), file)
        Path(name).replace(target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return target


def forget(environment: Mapping[str, str] = os.environ) -> None:
    """Remove the credentials and keep the URL."""
    if path(environment).exists():
        save(replace(Credentials(), url=load(environment).url), environment)
