"""`python -m functions list | serve | events | market | generate [--check]`.

Print the table of all functions, serve those called by HTTP in one process, serve the event functions to
relay in another, run the market's daemon alone, or write the files that are derived from the functions'
declarations."""

import argparse
import sys
from pathlib import Path


def show() -> None:
    from cift.host.loading import load_functions

    rows = [
        (
            function.name,
            function.trigger,
            function.scope or "public" if function.kind in ("http", "ws") else "",
            function.doc.split("\n")[0],
        )
        for function in load_functions()
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(3)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, (*widths, 0), strict=True)).rstrip())


def market() -> None:
    """Run the daemon of the market that CIFT_MARKET names. Raises NoSuchFunction, CannotListen."""
    import uvloop

    from cift.host.listen import listen
    from cift.host.loading import NoSuchFunction, load_functions
    from cift.host.push import serve_plain
    from cift.platform import telemetry
    from cift.platform.settings import Settings
    from cift.platform.stores import Platform

    settings = Settings.load()
    found = [function for function in load_functions("daemon") if function.market == settings.market]
    if not found:
        raise NoSuchFunction(f"CIFT_MARKET is {settings.market!r}, and no function runs that market")
    telemetry.configure_logs(settings.log, settings.log_level)
    listener = listen(settings.http_host, settings.http_port)
    uvloop.run(serve_plain(found[0], listener, Platform(settings)))


def events(config: Path, embedded: Path) -> None:
    """Serve the event functions on CIFT_EVENTS_SOCKET, health and metrics on CIFT_HTTP_PORT.

    Args:
        config: where relay's configuration is written, before the process is healthy.
        embedded: the socket of the process that serves functions with an embedded ClickHouse.

    Raises CannotListen."""
    import orjson
    import uvloop

    from cift.host import delivery
    from cift.host.listen import listen, listen_unix
    from cift.host.loading import load_functions
    from cift.host.push import serve_events
    from cift.platform import telemetry
    from cift.platform.settings import Settings
    from cift.platform.stores import Platform

    settings = Settings.load()
    telemetry.configure_logs(settings.log, settings.log_level)
    functions = load_functions("on", "every")
    socket = Path(settings.events_socket)
    file = delivery.configuration(functions, settings, embedded=embedded, others=socket)
    config.write_bytes(orjson.dumps(file, option=orjson.OPT_INDENT_2))
    own = [each for each in functions if not delivery.uses_embedded(each, settings)]
    listener, probes = listen_unix(str(socket)), listen(settings.http_host, settings.http_port)
    uvloop.run(serve_events(own, listener, probes, Platform(settings)))


def generate(*, check: bool) -> None:
    # Imported here: their dependencies are not in the functions' images.
    from cift.generate import messages

    try:
        # First: the other modules import these files, and may need a constant that is not in them yet.
        written = messages.generate(check=check)
    except (messages.Stale, messages.OldModule) as error:
        sys.exit(str(error))
    from cift.generate import chart, files, metrics, pages, settings
    from cift.host.provide import InvalidFunction

    try:
        written += files.generate(check=check)
    except (
        files.Stale,
        chart.OverBudget,
        pages.NoMarks,
        settings.UnreadableSettings,
        metrics.UnreadableMetrics,
        InvalidFunction,
    ) as error:
        sys.exit(str(error))
    for path in written:
        print(f"wrote {path}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m functions", description=__doc__)
    what = parser.add_subparsers(dest="what", required=True)
    what.add_parser("list", help="print the table of all functions")
    what.add_parser("serve", help="serve the functions that are called by HTTP in this process")
    serving = what.add_parser("events", help="serve the event functions to relay in this process")
    serving.add_argument("--config", type=Path, required=True, help="the file of relay that is written")
    serving.add_argument(
        "--embedded", type=Path, required=True, help="the socket of the process with an embedded ClickHouse"
    )
    what.add_parser("market", help="run the daemon of the market that CIFT_MARKET names")
    generating = what.add_parser("generate", help="write the files that are derived from the declarations")
    generating.add_argument(
        "--check", action="store_true", help="write nothing; exit 1 if a file is not up to date"
    )
    chosen = parser.parse_args()
    if chosen.what == "generate":
        generate(check=chosen.check)
        return
    from cift.host.listen import CannotListen
    from cift.host.loading import NoSuchFunction, load_functions
    from cift.host.provide import InvalidFunction
    from cift.platform.settings import InvalidSettings, Settings
    from cift.platform.tokens import NoKeys

    try:
        match chosen.what:
            case "list":
                show()
            case "serve":
                from cift.host.serve import serve

                serve(load_functions(), Settings.load())
            case "events":
                events(chosen.config, chosen.embedded)
            case "market":
                market()
    except (NoSuchFunction, InvalidFunction, CannotListen, InvalidSettings, NoKeys) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
