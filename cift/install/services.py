"""Wait until every Knative Service of a release is ready: `helm --wait` ignores them."""

import time
from typing import Any

from cift.install.api import Api, ApiError

POLL_S = 1.0


class NotReady(Exception):
    """Services were not ready in time; the text names each with its reason."""


def reasons(services: list[dict[str, Any]]) -> dict[str, str]:
    """Name and reason of each service that is not ready."""
    found = {}
    for service in services:
        status = service.get("status") or {}
        ready = next((c for c in status.get("conditions") or [] if c["type"] == "Ready"), None)
        seen = status.get("observedGeneration") == service["metadata"].get("generation")
        if ready is None or not seen:
            found[service["metadata"]["name"]] = "Knative has not processed it yet"
        elif ready["status"] != "True":
            found[service["metadata"]["name"]] = ready.get("message") or ready.get("reason") or "not ready"
    return found


def wait(api: Api, release: str, timeout_s: float) -> int:
    """Wait until all services are ready; returns their number. Errors of the API server are retried.

    Raises:
        NotReady: not within `timeout_s`.
    """
    path = (
        f"/apis/serving.knative.dev/v1/namespaces/{api.namespace}/services"
        f"?labelSelector=app.kubernetes.io/instance%3D{release}"
    )
    deadline = time.monotonic() + timeout_s
    missing = {"": "the API server does not respond"}
    while time.monotonic() < deadline:
        try:
            services = api.call("GET", path)["items"]
            missing = reasons(services) if services else {"": "the release has no Knative Service"}
            if not missing:
                return len(services)
        except (ApiError, OSError) as error:
            missing = {"": str(error)}
        time.sleep(POLL_S)
    listed = "; ".join(f"{name}: {why}" for name, why in sorted(missing.items()))
    raise NotReady(f"not ready within {timeout_s:g} s: {listed}")
