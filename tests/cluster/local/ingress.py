"""Knative's ingress for the test cluster: turns KIngress objects into Envoy's configuration.

It replaces Kourier: same ingress class, same service names (kourier and kourier-internal in
kourier-system), same data plane (Envoy). Known limits: HTTP only, no TLS, no domain certificates;
endpoints are read from Endpoints objects.

    python -m tests.cluster.local.ingress SERVER KEYS STATE_FOLDER ENVOY NODE_IP
"""

import hashlib
import json
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.cluster.local.api import Api, Mirror, Object, key

CLASS = "kourier.ingress.networking.knative.dev"
CLASS_ANNOTATION = "networking.knative.dev/ingress.class"
KINGRESS = "/apis/networking.internal.knative.dev/v1alpha1"
EXTERNAL_PORT, INTERNAL_PORT, ADMIN_PORT = 8080, 8081, 9901
LINGER_S = 30.0
"""An Envoy cluster outlives its last route by this: Envoy reads the files in any order."""
ROUND_S, BURST_S = 5.0, 0.05
GATEWAYS = {
    "ExternalIP": "kourier.kourier-system.svc.cluster.local",
    "ClusterLocal": "kourier-internal.kourier-system.svc.cluster.local",
}
ENVOY_TYPE = "type.googleapis.com/envoy"
CONNECTION_MANAGER = (
    f"{ENVOY_TYPE}.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager"
)
HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
WEBSOCKET = [{"upgrade_type": "websocket"}]
Objects = dict[tuple[str, str], Object]


def endpoints_of(port: Object, endpoints: Object | None) -> list[tuple[str, int]]:
    """Address and port of each ready endpoint of a service's port."""
    name = port.get("name", "")
    return [
        (address["ip"], each["port"])
        for subset in (endpoints or {}).get("subsets") or []
        for each in subset.get("ports") or []
        if each.get("name", "") == name
        for address in subset.get("addresses") or []
    ]


def cluster_of(split: Object, services: Objects, endpoints: Objects) -> Object | None:
    """The Envoy cluster of one service and port, with its endpoints; None if there is no such port."""
    found, wanted = (split["serviceNamespace"], split["serviceName"]), split["servicePort"]
    service = services.get(found)
    ports = service["spec"].get("ports", []) if service else []
    port = next((each for each in ports if wanted in (each["port"], each.get("name"))), None)
    if port is None:
        return None
    name = f"{found[0]}/{found[1]}:{wanted}"
    hosts = [
        {"endpoint": {"address": {"socket_address": {"address": address, "port_value": number}}}}
        for address, number in sorted(endpoints_of(port, endpoints.get(found)))
    ]
    cluster: Object = {
        "@type": f"{ENVOY_TYPE}.config.cluster.v3.Cluster",
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": hosts}]},
    }
    if port.get("name", "").startswith(("http2", "h2c")):
        options = {
            "@type": f"type.googleapis.com/{HTTP_OPTIONS}",
            "explicit_http_config": {"http2_protocol_options": {}},
        }
        cluster["typed_extension_protocol_options"] = {HTTP_OPTIONS: options}
    return cluster


def headers(pairs: dict[str, str] | None) -> list[Object]:
    return [
        {"header": {"key": name, "value": value}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}
        for name, value in (pairs or {}).items()
    ]


def header_match(name: str, value: Object) -> Object:
    if value.get("exact"):
        return {"name": name, "string_match": {"exact": value["exact"]}}
    return {"name": name, "present_match": True}


def virtual_host(
    name: str, rule: Object, clusters: dict[str, Object], services: Objects, endpoints: Objects
) -> Object:
    """The routes of one rule. Adds the Envoy clusters that they name to `clusters`."""
    routes: list[Object] = []
    for path in rule["http"]["paths"]:
        weighted = []
        for split in path["splits"]:
            cluster = cluster_of(split, services, endpoints)
            if cluster is None:
                continue
            clusters[cluster["name"]] = cluster
            added = headers(split.get("appendHeaders"))
            weight = split.get("percent", 100)
            weighted.append({"name": cluster["name"], "weight": weight, "request_headers_to_add": added})
        if not weighted:
            continue
        match: Object = {"prefix": path.get("path") or "/"}
        if path.get("headers"):
            match["headers"] = [header_match(*each) for each in path["headers"].items()]
        action: Object = {
            "weighted_clusters": {"clusters": weighted},
            "timeout": "0s",
            "upgrade_configs": WEBSOCKET,
        }
        if path.get("rewriteHost"):
            action["host_rewrite_literal"] = path["rewriteHost"]
        added = headers(path.get("appendHeaders"))
        routes.append({"match": match, "route": action, "request_headers_to_add": added})
    routes.sort(key=lambda route: (-len(route["match"]["prefix"]), -len(route["match"].get("headers", []))))
    domains = sorted({domain for host in rule["hosts"] for domain in (host, f"{host}:*")})
    return {"name": name, "domains": domains, "routes": routes}


def listener(name: str, address: str, port: int, routes: str, state: Path) -> Object:
    """A listener that never changes: its routes come by RDS, so no change of routes drains a connection."""
    source = {"path_config_source": {"path": f"{state}/routes-{routes}.json"}, "initial_fetch_timeout": "0s"}
    router = {"@type": f"{ENVOY_TYPE}.extensions.filters.http.router.v3.Router"}
    manager = {
        "@type": CONNECTION_MANAGER,
        "stat_prefix": name,
        "codec_type": "AUTO",
        "stream_idle_timeout": "0s",
        "upgrade_configs": WEBSOCKET,
        "rds": {"route_config_name": routes, "config_source": source},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    return {
        "@type": f"{ENVOY_TYPE}.config.listener.v3.Listener",
        "name": name,
        "address": {"socket_address": {"address": address, "port_value": port}},
        "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}],
    }


def route_table(name: str, hosts: list[Object]) -> Object:
    return {
        "@type": f"{ENVOY_TYPE}.config.route.v3.RouteConfiguration",
        "name": name,
        "virtual_hosts": hosts,
        "ignore_port_in_host_matching": True,
        "validate_clusters": False,
    }


class Ingress:
    """The state of the process: the API, the folder of Envoy's files, the Envoy clusters in use."""

    def __init__(self, api: Api, state: Path) -> None:
        self.api, self.state = api, state
        self.kept: dict[str, tuple[float, Object]] = {}
        """Name of an Envoy cluster → when a route last used it, and the cluster."""

    def write(self, name: str, resources: list[Object]) -> None:
        """Replace one xDS file if it differs; Envoy watches for the move."""
        text = json.dumps({"resources": resources}, sort_keys=True)
        path = self.state / f"{name}.json"
        if path.exists() and path.read_text() == text:
            return
        fresh = path.with_suffix(".new")
        fresh.write_text(text)
        fresh.replace(path)

    def program(self, ingresses: Objects, services: Objects, endpoints: Objects) -> list[tuple[Object, bool]]:
        """Write Envoy's files. Returns our ingresses, each with whether everything it names was found."""
        clusters: dict[str, Object] = {}
        hosts: dict[str, list[Object]] = {"ExternalIP": [], "ClusterLocal": []}
        taken: dict[str, set[str]] = {"ExternalIP": set(), "ClusterLocal": set()}
        ours = []
        for ingress in sorted(ingresses.values(), key=key):
            if ingress["metadata"].get("annotations", {}).get(CLASS_ANNOTATION, CLASS) != CLASS:
                continue
            complete = True
            for number, rule in enumerate(ingress["spec"].get("rules", [])):
                name = f"{'/'.join(key(ingress))}#{number}"
                host = virtual_host(name, rule, clusters, services, endpoints)
                complete = complete and len(host["routes"]) == len(rule["http"]["paths"])
                external = rule.get("visibility", "ExternalIP") == "ExternalIP"
                for table in ("ExternalIP", "ClusterLocal") if external else ("ClusterLocal",):
                    fresh = [domain for domain in host["domains"] if domain not in taken[table]]
                    if fresh:  # Envoy rejects a table with a domain in two hosts
                        hosts[table].append({**host, "domains": fresh})
                        taken[table].update(fresh)
            ours.append((ingress, complete))
        now = time.monotonic()
        self.kept.update({name: (now, cluster) for name, cluster in clusters.items()})
        self.kept = {name: kept for name, kept in self.kept.items() if kept[0] >= now - LINGER_S}
        self.write("cds", [self.kept[name][1] for name in sorted(self.kept)])
        for table, found in hosts.items():
            self.write(f"routes-{table}", [route_table(table, found)])
        return ours

    def mark_ready(self, ingress: Object) -> None:
        status = ingress.get("status") or {}
        generation = ingress["metadata"]["generation"]
        conditions = status.get("conditions", [])
        ready = any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)
        if ready and status.get("observedGeneration") == generation:
            return
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        types = ("LoadBalancerReady", "NetworkConfigured", "Ready")
        body = {
            "status": {
                "observedGeneration": generation,
                "conditions": [{"type": each, "status": "True", "lastTransitionTime": now} for each in types],
                "publicLoadBalancer": {"ingress": [{"domainInternal": GATEWAYS["ExternalIP"]}]},
                "privateLoadBalancer": {"ingress": [{"domainInternal": GATEWAYS["ClusterLocal"]}]},
            }
        }
        namespace, name = key(ingress)
        path = f"{KINGRESS}/namespaces/{namespace}/ingresses/{name}/status"
        try:
            self.api.call("PATCH", path, body, "application/merge-patch+json")
        except OSError as problem:  # deleted, or no API server: the next event or round tries again
            print(f"status of {namespace}/{name}: {problem}", flush=True)

    def start_envoy(self, envoy: str) -> "subprocess.Popen[bytes]":
        def source(name: str) -> Object:
            return {"path_config_source": {"path": f"{self.state}/{name}.json"}}

        admin = {"address": {"socket_address": {"address": "127.0.0.1", "port_value": ADMIN_PORT}}}
        bootstrap: dict[str, Any] = {
            "node": {"id": "ingress", "cluster": "ingress"},
            "admin": admin,
            "dynamic_resources": {"lds_config": source("lds"), "cds_config": source("cds")},
        }
        file = self.state / "bootstrap.json"
        file.write_text(json.dumps(bootstrap))
        base_id = int(hashlib.sha256(str(self.state).encode()).hexdigest()[:4], 16)
        flags = ("--log-level", "warning", "--concurrency", "1", "--base-id", str(base_id))
        return subprocess.Popen([envoy, "-c", str(file), *flags])


def main() -> None:
    server, keys, folder, envoy_binary, node_ip = sys.argv[1:6]
    state = Path(folder)
    state.mkdir(parents=True, exist_ok=True)
    ingress = Ingress(Api(server, Path(keys)), state)
    changed = threading.Event()
    paths = (f"{KINGRESS}/ingresses", "/api/v1/services", "/api/v1/endpoints")
    mirrors = [Mirror(ingress.api, path, changed) for path in paths]
    for mirror in mirrors:
        mirror.synced.wait()
    ingress.program(*(dict(mirror.objects) for mirror in mirrors))
    listeners = (
        ("external", "127.0.0.1", EXTERNAL_PORT, "ExternalIP"),
        ("external-in-cluster", node_ip, EXTERNAL_PORT, "ExternalIP"),
        ("internal", node_ip, INTERNAL_PORT, "ClusterLocal"),
    )
    ingress.write("lds", [listener(*each, state) for each in listeners])
    envoy = ingress.start_envoy(envoy_binary)
    while envoy.poll() is None:
        changed.wait(timeout=ROUND_S)
        changed.clear()
        ours = ingress.program(*(dict(mirror.objects) for mirror in mirrors))
        time.sleep(BURST_S)  # Envoy reads the files meanwhile; a burst of events is one write
        for each, complete in ours:
            if complete:
                ingress.mark_ready(each)
    sys.exit(f"envoy exited with {envoy.returncode}")


if __name__ == "__main__":
    main()
