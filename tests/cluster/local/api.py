"""The calls of the Kubernetes API that the replaced parts need, and live copies of resources."""

import json
import ssl
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

RETRY_S = 1.0
CALL_TIMEOUT_S = 30.0
WATCH_S, WATCH_TIMEOUT_S = 300, 330.0
Object = dict[str, Any]


class Api:
    """HTTPS to the API server with the admin's certificate from a folder of keys."""

    def __init__(self, server: str, keys: Path) -> None:
        self.server = server
        self.tls = ssl.create_default_context(cafile=str(keys / "ca.crt"))
        self.tls.load_cert_chain(keys / "admin.crt", keys / "admin.key")

    def call(
        self,
        method: str,
        path: str,
        body: Object | None = None,
        kind: str = "application/json",
        timeout_s: float = CALL_TIMEOUT_S,
    ) -> Any:
        """The open response. Raises urllib.error.HTTPError for an error status, OSError without an answer."""
        request = urllib.request.Request(  # noqa: S310 (the server is always https)
            self.server + path,
            method=method,
            headers={"Content-Type": kind},
            data=None if body is None else json.dumps(body).encode(),
        )
        return urllib.request.urlopen(request, context=self.tls, timeout=timeout_s)  # noqa: S310


class Mirror(threading.Thread):
    """A live copy of every object of one resource, by list and watch. Sets `changed` at each event."""

    def __init__(self, api: Api, path: str, changed: threading.Event) -> None:
        super().__init__(daemon=True)
        self.api, self.path, self.changed = api, path, changed
        self.objects: dict[tuple[str, str], Object] = {}
        self.synced = threading.Event()
        self.start()

    def run(self) -> None:
        while True:
            try:
                self._follow()
            except (OSError, ValueError, KeyError) as problem:
                print(f"watch {self.path}: {problem}", flush=True)
                time.sleep(RETRY_S)

    def _follow(self) -> None:
        """List, then watch until the API server ends the watch or reports an error."""
        listed = json.load(self.api.call("GET", self.path))
        self.objects = {key(each): each for each in listed["items"]}
        self.synced.set()
        self.changed.set()
        version = listed["metadata"]["resourceVersion"]
        watch = f"{self.path}?watch=1&resourceVersion={version}&timeoutSeconds={WATCH_S}"
        for line in self.api.call("GET", watch, timeout_s=WATCH_TIMEOUT_S):
            event = json.loads(line)
            if event["type"] == "ERROR":
                return
            if event["type"] == "DELETED":
                self.objects.pop(key(event["object"]), None)
            else:
                self.objects[key(event["object"])] = event["object"]
            self.changed.set()


def key(thing: Object) -> tuple[str, str]:
    """Namespace and name."""
    return thing["metadata"].get("namespace", ""), thing["metadata"]["name"]
