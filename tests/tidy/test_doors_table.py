"""README's table of doors is that of functions/."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def test_the_readme_lists_every_door() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "doors_table.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.strip()
