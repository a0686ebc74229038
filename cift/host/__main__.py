"""`CIFT_FUNCTION=trading.place_order python -m cift.host`: serve one function alone.

It listens on `CIFT_HTTP_HOST` and `CIFT_HTTP_PORT`, or on all addresses and Knative's `PORT`, until SIGTERM.
Each kind imports only what it needs, to keep the cold start from zero short.
"""

import gc

gc.disable()  # until the imported modules are frozen: everything allocated until then stays anyway

import os  # noqa: E402
import sys  # noqa: E402

from cift.host.listen import CannotListen, listen  # noqa: E402
from cift.host.loading import NoSuchFunction, load_function  # noqa: E402
from cift.host.provide import InvalidFunction  # noqa: E402
from cift.platform import telemetry  # noqa: E402
from cift.platform.settings import InvalidSettings, Settings  # noqa: E402
from cift.platform.stores import Platform  # noqa: E402


def main() -> None:
    name = os.environ.get("CIFT_FUNCTION", "")
    if not name:
        sys.exit("CIFT_FUNCTION is not set: it names the function to serve, such as trading.place_order")
    try:
        settings = Settings.load()
        function = load_function(name)
        in_cluster = "PORT" in os.environ
        port = int(os.environ.get("PORT", settings.http_port))
        listener = listen("0.0.0.0" if in_cluster else settings.http_host, port)  # noqa: S104
    except (NoSuchFunction, InvalidFunction, CannotListen, InvalidSettings) as error:
        sys.exit(str(error))
    telemetry.configure_logs(settings.log, settings.log_level)
    platform = Platform(settings)
    if function.kind == "http":
        from cift.host.single import serve_single

        serve_single(function, listener, platform)
    elif function.kind == "ws":
        from cift.host.serve import serve_sockets

        serve_sockets(function, listener, platform)
    else:
        import asyncio

        from cift.host.push import serve_plain

        asyncio.run(serve_plain(function, listener, platform))


if __name__ == "__main__":
    main()
