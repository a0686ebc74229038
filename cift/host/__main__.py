"""`CIFT_FUNCTION=trading.place_order python -m cift.host`: serve one function alone."""

import os
import sys

from cift.host.doors import NoSuchFunction
from cift.host.serve import CannotListen
from cift.host.single import serve_single
from cift.platform.settings import InvalidSettings, Settings


def main() -> None:
    name = os.environ.get("CIFT_FUNCTION", "")
    if not name:
        sys.exit("CIFT_FUNCTION must name the function to serve, such as trading.place_order")
    try:
        serve_single(name, Settings.load())
    except (NoSuchFunction, CannotListen, InvalidSettings) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
