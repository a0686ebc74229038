"""The table of doors in README.md, made from the doors themselves.

Usage: python scripts/doors_table.py [--check]
Without --check the part between the two marks is written anew; with it, a difference is exit 1.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BEGIN, END = "<!-- doors: written by scripts/doors_table.py -->", "<!-- /doors -->"


def table() -> str:
    """All doors by domain, HTTP first, as Markdown."""
    from cift.host.doors import load_doors

    rows = ["| door | trigger | scope | what |", "|---|---|---|---|"]
    for door in sorted(
        load_doors(), key=lambda door: (door.domain, door.kind != "http", door.path, door.method)
    ):
        file = f"functions/{door.name.replace('.', '/')}.py"
        trigger = f"`{door.trigger}`"
        scope = (door.scope or "public") if door.kind == "http" else ""
        what = " ".join(door.doc.split("\n\n")[0].split()).replace("|", "\\|")
        rows.append(f"| [{door.name}]({file}) | {trigger} | {scope} | {what} |")
    return "\n".join(rows)


def rendered(page: str) -> str:
    """The page with its table as it should be."""
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise SystemExit(f"README.md lacks the marks {BEGIN} and {END}")
    return f"{head}{BEGIN}\n{table()}\n{END}{tail}"


def main() -> None:
    page = ROOT / "README.md"
    before = page.read_text()
    after = rendered(before)
    if sys.argv[1:] == ["--check"]:
        if before != after:
            raise SystemExit("the doors in README.md are not those in functions/; run scripts/doors_table.py")
    elif sys.argv[1:]:
        raise SystemExit(__doc__)
    else:
        page.write_text(after)


if __name__ == "__main__":
    main()
