"""Connections that pods really have, read from the kernel: `/proc/<pid>/net/tcp` of each pod's network.

A socket has the addresses that its program used. On a connection to a Service, the client's socket has the
Service's address, which kube-proxy translates. So a connection is taken from its listening end, and from the
client's end only if its remote address is not a pod's; a Service is then replaced by its endpoints.
"""

import ipaddress
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.release import Release
from tests.operators.cluster import Object

ESTABLISHED, LISTEN = "01", "0A"
TABLES = ("tcp", "tcp6")


@dataclass(frozen=True)
class Socket:
    """One line of a table. Addresses are text; IPv4 addresses in IPv6 sockets are IPv4."""

    local: str
    local_port: int
    remote: str
    remote_port: int
    state: str


@dataclass(frozen=True)
class Connection:
    """A connection from one address to a port of another."""

    source: str
    target: str
    port: int


def parse(table: str) -> list[Socket]:
    """Parse a table of the kernel."""
    found = []
    for line in table.splitlines()[1:]:
        local, remote, state = line.split()[1:4]
        found.append(Socket(*_address(local), *_address(remote), state))
    return found


def _address(text: str) -> tuple[str, int]:
    """`0100007F:1F90` → 127.0.0.1, 8080. Addresses are 32-bit words in the machine's byte order."""
    digits, port = text.split(":")
    words = [bytes.fromhex(digits[at : at + 8])[::-1] for at in range(0, len(digits), 8)]
    address = ipaddress.ip_address(b"".join(words))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address), int(port, 16)


def of_pods(sockets: dict[str, list[Socket]]) -> set[Connection]:
    """The connections of pods. `sockets` has each pod's table by the pod's address."""
    found: set[Connection] = set()
    for address, table in sockets.items():
        listening = {each.local_port for each in table if each.state == LISTEN}
        for each in table:
            if each.state != ESTABLISHED or ipaddress.ip_address(each.remote).is_loopback:
                continue
            if each.local_port in listening:
                found.add(Connection(each.remote, address, each.local_port))
            elif each.remote not in sockets:
                found.add(Connection(address, each.remote, each.remote_port))
    return found


def tables(pods: list[Object]) -> dict[str, list[Socket]]:
    """The sockets of pods that run on this machine, by the pod's address."""
    by_uid = {re.sub("[-_]", "", pod["metadata"]["uid"]): pod for pod in pods if pod["status"].get("podIP")}
    found: dict[str, list[Socket]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            groups = (folder / "cgroup").read_text()
            named = re.search(r"pod([0-9a-f]{8}[-_][0-9a-f_-]{27})", groups)
            pod = by_uid.get(re.sub("[-_]", "", named[1])) if named else None
            if pod is None or pod["status"]["podIP"] in found:
                continue
            read = [parse((folder / "net" / name).read_text()) for name in TABLES]
        except OSError:
            continue  # the process has ended
        found[pod["status"]["podIP"]] = [each for table in read for each in table]
    return found


def through_services(release: Release, connections: set[Connection]) -> Iterator[Connection]:
    """The same connections, with each Service's address replaced by the addresses of its endpoints."""
    behind: dict[tuple[str, int], list[tuple[str, int]]] = {}
    services = release.cluster.kubectl("get", "services", "-A", "-o", "json").stdout
    slices = release.cluster.kubectl("get", "endpointslices", "-A", "-o", "json").stdout
    for service in json.loads(services)["items"]:
        address = service["spec"].get("clusterIP")
        for port in service["spec"].get("ports") or []:
            ends = [
                (end, there["port"])
                for each in json.loads(slices)["items"]
                if each["metadata"]["namespace"] == service["metadata"]["namespace"]
                and each["metadata"].get("labels", {}).get("kubernetes.io/service-name")
                == service["metadata"]["name"]
                for there in each.get("ports") or []
                if there.get("name", "") == port.get("name", "")
                for endpoint in each.get("endpoints") or []
                for end in endpoint["addresses"]
            ]
            if address and address != "None":
                behind[(address, port["port"])] = ends
    for each in connections:
        for target, port in behind.get((each.target, each.port), [(each.target, each.port)]):
            yield Connection(each.source, target, port)
