"""Make `cift`, `functions` and `cift_client` importable in .venv, with the scripts of pyproject.toml.

A `.pth` file and a four-line script per command replace `pip install -e .`, which would download a build back
end and need a second list of dependencies beside the lock files.
"""

import sys
import sysconfig
import tomllib
from pathlib import Path

root = Path(__file__).resolve().parent.parent
site = Path(sysconfig.get_paths()["purelib"])
(site / "cift_markets.pth").write_text(f"{root}\n{root / 'clients' / 'python'}\n")
for name, where in tomllib.loads((root / "pyproject.toml").read_text())["project"]["scripts"].items():
    module, _, function = where.partition(":")
    command = Path(sys.prefix) / "bin" / name
    text = f"import sys\n\nfrom {module} import {function}\n\nsys.exit({function}())\n"
    command.write_text(f"#!{sys.prefix}/bin/python\n{text}")
    command.chmod(0o755)
