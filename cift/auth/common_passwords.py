"""The 10,000 most common passwords; common_passwords.txt names their source and licence."""

from functools import cache
from pathlib import Path

_FILE = Path(__file__).with_suffix(".txt")


def is_common(password: str) -> bool:
    """Whether the password, in any case, is among them. The first call reads the file (33 KB)."""
    return password.lower() in _passwords()


@cache
def _passwords() -> frozenset[str]:
    lines = _FILE.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))
