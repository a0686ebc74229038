"""Make `cift` and `functions` importable in .venv, and `cift` a command there.

A `.pth` file and a four-line script do what `pip install -e .` does, without fetching a build
back end and without a second list of dependencies that could disagree with the lock.
"""

import sys
import sysconfig
from pathlib import Path

root = Path(__file__).resolve().parent.parent
site = Path(sysconfig.get_paths()["purelib"])
(site / "cift_markets.pth").write_text(f"{root}\n")
command = Path(sys.prefix) / "bin" / "cift"
command.write_text(
    f"#!{sys.prefix}/bin/python\nimport sys\n\nfrom cift.cli import main\n\nsys.exit(main())\n"
)
command.chmod(0o755)
