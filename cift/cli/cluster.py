"""Calls of kubectl for `kubectl cift`: resources, Secrets, and a forwarded port of the gateway.

kubectl itself runs `kubectl cift`, so it is installed, and it knows the cluster, the namespace and the
user. No client library of Kubernetes is needed.
"""

from __future__ import annotations

import base64
import json
import re
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cift.cli.client import Failed

REQUEST_TIMEOUT_S = 20
KUBECTL_TIMEOUT_S = 60.0
FORWARD_TIMEOUT_S = 20.0
STOP_TIMEOUT_S = 5.0
KEY = "CIFT_API_KEY"
PART_OF = "app.kubernetes.io/part-of=cift"
GATEWAY = "-gateway"
TLS_PORT = 443
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+)")
_ERROR_PREFIX = re.compile(r"^(error|Error from server)( \([A-Za-z]+\))?: ")


@dataclass(frozen=True)
class Kubectl:
    """kubectl with the options of this command."""

    options: tuple[str, ...] = ()

    def get(self, *arguments: str) -> Any:
        """`kubectl get … -o json`, decoded. Raises Failed with kubectl's message."""
        command = ["kubectl", *self.options, "get", *arguments, "-o", "json"]
        command.append(f"--request-timeout={REQUEST_TIMEOUT_S}s")
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=KUBECTL_TIMEOUT_S, check=False
            )
        except FileNotFoundError:
            raise Failed("no_kubectl", "kubectl is not on the PATH") from None
        except subprocess.TimeoutExpired:
            raise Failed("no_answer", f"kubectl gave no answer within {KUBECTL_TIMEOUT_S:g} s") from None
        if done.returncode != 0:
            raise _failed(done.stderr)
        return json.loads(done.stdout)

    def key(self, secret: str, *where: str) -> str:
        """The API key that a Secret holds. Raises Failed."""
        data = self.get("secret", secret, *where).get("data") or {}
        if KEY not in data:
            raise Failed("no_key", f"the Secret {secret} has no {KEY}")
        return base64.b64decode(data[KEY]).decode()

    def gateway(self, namespace: str | None) -> tuple[str, str, int]:
        """Namespace, name and port of the only gateway in the namespace, or in the cluster.

        Raises:
            Failed: there is none, or more than one.
        """
        where = ("-n", namespace) if namespace else ("-A",)
        found = [
            (each["metadata"]["namespace"], each["metadata"]["name"], each["spec"]["ports"][0]["port"])
            for each in self.get("services", *where, "-l", PART_OF)["items"]
            if each["metadata"]["name"].endswith(GATEWAY)
        ]
        if len(found) == 1:
            return found[0]
        if not found:
            raise Failed(
                "no_gateway",
                f"no gateway of CIFT Markets in {namespace or 'this cluster'}: give its address with --url",
            )
        names = ", ".join(sorted(each[0] for each in found))
        raise Failed("which_exchange", f"several exchanges: {names}: choose one with --exchange NAMESPACE")

    @contextmanager
    def forward(self, namespace: str, service: str, port: int) -> Iterator[str]:
        """A local URL of the Service, valid within the context. Raises Failed."""
        if port == TLS_PORT:
            raise Failed("tls", f"the gateway in {namespace} uses TLS: give its address with --url https://…")
        command = ["kubectl", *self.options, "port-forward", "-n", namespace, f"service/{service}"]
        process = subprocess.Popen(
            [*command, f":{port}", "--address=127.0.0.1"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield f"http://127.0.0.1:{_forwarded(process)}"
        finally:
            process.terminate()
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _forwarded(process: subprocess.Popen[str]) -> int:
    """The local port that kubectl prints. Raises Failed."""
    assert process.stdout is not None and process.stderr is not None
    deadline = time.monotonic() + FORWARD_TIMEOUT_S
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        forwarding = _FORWARDING.match(process.stdout.readline())
        if forwarding:
            return int(forwarding[1])
        if process.poll() is not None:
            raise _failed(process.stderr.read())
    raise Failed("no_answer", f"kubectl port-forward was not ready within {FORWARD_TIMEOUT_S:g} s")


def _failed(stderr: str) -> Failed:
    """The last line of kubectl's error output."""
    lines: Sequence[str] = [line for line in stderr.strip().splitlines() if line.strip()]
    return Failed(
        "kubectl", _ERROR_PREFIX.sub("", lines[-1]) if lines else "kubectl failed without a message"
    )
