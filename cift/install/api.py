"""The Kubernetes API from inside a pod: the token of its ServiceAccount, HTTPS, JSON.

There are four requests. A client library would be larger than the rest of the image's own code.
"""

import json
import os
import ssl
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
REQUEST_TIMEOUT_S = 10.0


class ApiError(Exception):
    """The API server refused a request; `status` is the HTTP status."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"the API server responded with {status}: {text}")
        self.status = status


class Api:
    """One namespace of the cluster."""

    def __init__(self, base: str, token: Path, authority: Path | None, namespace: str) -> None:
        self._base, self._token, self.namespace = base, token, namespace
        self._tls = ssl.create_default_context(cafile=str(authority)) if authority else None

    @classmethod
    def of_this_pod(cls) -> "Api":
        host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ["KUBERNETES_SERVICE_PORT"]
        namespace = (ACCOUNT / "namespace").read_text()
        return cls(f"https://{host}:{port}", ACCOUNT / "token", ACCOUNT / "ca.crt", namespace)

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Send one request; returns the parsed body. Raises ApiError, or OSError without a response."""
        request = urllib.request.Request(  # noqa: S310 (the cluster's own address)
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={
                "Authorization": f"Bearer {self._token.read_text().strip()}",
                "Content-Type": "application/json",
            },
        )
        try:
            with urllib.request.urlopen(  # noqa: S310 (the cluster's own address)
                request, timeout=REQUEST_TIMEOUT_S, context=self._tls
            ) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            raise ApiError(error.code, error.read(2000).decode(errors="replace")) from None
