"""`python -m operators`: run the operator until SIGTERM.

    python -m operators                    run, with a service account or the cluster that KUBECONFIG names
    python -m operators rules [--check]    write the chart's list of permissions, or check it

Settings: `CIFT_OPERATOR_*` (operators/settings.py), and those of the stores (cift/platform/settings.py).
"""

import asyncio
import sys

from cift.platform.settings import InvalidSettings


def main() -> None:
    match sys.argv[1:]:
        case []:
            run()
        case ["rules"]:
            from operators import permissions

            permissions.write()
        case ["rules", "--check"]:
            from operators import permissions

            sys.exit(permissions.difference())
        case _:
            sys.exit(__doc__)


def run() -> None:
    """Run until SIGTERM or SIGINT."""
    import kopf

    from operators import app
    from operators.settings import OperatorSettings

    assert app.ENSURE, "importing operators.app registers the handlers"
    try:
        namespaces = OperatorSettings.load().namespaces
    except InvalidSettings as error:
        sys.exit(str(error))
    # No kopf peering: two operators at the same time do no harm.
    operator = kopf.operator(standalone=True, clusterwide=not namespaces, namespaces=namespaces)
    try:
        asyncio.run(operator)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
