"""`python -m functions list | serve`: the table of all functions, or all of them in one process."""

import argparse
import sys

from cift.host.doors import NoSuchFunction, load_doors
from cift.host.listen import CannotListen
from cift.host.serve import serve
from cift.platform.settings import InvalidSettings, Settings
from cift.platform.tokens import NoKeys


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m functions", description=__doc__)
    parser.add_argument("what", choices=("list", "serve"))
    what = parser.parse_args().what
    try:
        if what == "serve":
            serve(load_doors(), Settings.load())
            return
        rows = [
            (
                door.name,
                door.trigger,
                door.scope or "public" if door.kind == "http" else "",
                door.doc.split("\n")[0],
            )
            for door in load_doors()
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(3)]
        for row in rows:
            print(
                "  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip()
            )
    except (NoSuchFunction, CannotListen, InvalidSettings, NoKeys) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
