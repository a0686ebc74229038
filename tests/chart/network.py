"""A model of a network plugin: which connections the NetworkPolicies of a rendered chart allow.

`pods` lists the pods of rendered objects. `allowed` returns whether one pod may connect to a port of another;
`Network.allowed` does the same for many pairs. A plugin decides by namespace, labels and address, so an `End`
can also be a real pod: the cluster tests compare real connections with the policies.

Known limits: the model has no named ports and no SCTP, and fails if a policy uses them. Every plugin allows
the kubelets' probes from nodes; the model has no nodes.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.chart.helm import NAMESPACE, templates

Object = dict[str, Any]
_NAMESPACE_LABEL = "kubernetes.io/metadata.name"


@dataclass(frozen=True)
class End:
    """One end of a connection: a pod or, without a namespace, an address outside the cluster."""

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    namespace_labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def all_namespace_labels(self) -> dict[str, str]:
        """The labels of its namespace. Kubernetes gives every namespace its name as a label."""
        return {_NAMESPACE_LABEL: self.namespace, **self.namespace_labels}


def pods(rendered: Iterable[Object], namespace: str = NAMESPACE) -> list[End]:
    """One pod for each value of the label `app.kubernetes.io/name`."""
    found: dict[str, End] = {}
    for _, template in templates(rendered):
        labels = template["metadata"]["labels"]
        name = labels["app.kubernetes.io/name"]
        found[name] = End(name, namespace, labels)
    return list(found.values())


class Network:
    """The policies of one namespace."""

    def __init__(self, rendered: Iterable[Object], namespace: str = NAMESPACE) -> None:
        self.namespace = namespace
        self._policies = [each["spec"] for each in rendered if each["kind"] == "NetworkPolicy"]
        self._of: dict[tuple[tuple[str, str], ...], list[Object]] = {}

    def allowed(self, source: End, target: End, port: int, protocol: str = "TCP") -> bool:
        """Whether `source` may connect to port `port` of the pod `target`."""
        return self._permits("Egress", source, target, port, protocol) and self._permits(
            "Ingress", target, source, port, protocol
        )

    def _permits(self, direction: str, pod: End, other: End, port: int, protocol: str) -> bool:
        """One direction. The rules of all policies that select the pod add up; without any all is allowed."""
        if pod.namespace != self.namespace:
            return True
        selecting = [policy for policy in self._policies_of(pod) if direction in policy["policyTypes"]]
        rules, peers = ("egress", "to") if direction == "Egress" else ("ingress", "from")
        return not selecting or any(
            _has_port(rule, port, protocol) and _has_peer(rule.get(peers), other, self.namespace)
            for policy in selecting
            for rule in policy.get(rules) or []
        )

    def _policies_of(self, pod: End) -> list[Object]:
        key = tuple(sorted(pod.labels.items()))
        if key not in self._of:
            self._of[key] = [each for each in self._policies if _selects(each["podSelector"], pod.labels)]
        return self._of[key]


def allowed(
    rendered: Iterable[Object], source: End, target: End, port: int, *, namespace: str = NAMESPACE
) -> bool:
    """Whether the policies rendered into `namespace` let `source` connect to TCP port `port` of `target`."""
    return Network(rendered, namespace).allowed(source, target, port)


def _has_port(rule: Object, port: int, protocol: str) -> bool:
    ports = rule.get("ports")
    if not ports:
        return True
    for each in ports:
        assert isinstance(each["port"], int) and set(each) <= {"port", "protocol"}, (
            f"not supported by this model: {each}"
        )
    return any(each["port"] == port and each.get("protocol", "TCP") == protocol for each in ports)


def _has_peer(peers: list[Object] | None, other: End, namespace: str) -> bool:
    """A rule without peers applies to all."""
    return not peers or any(_is_peer(peer, other, namespace) for peer in peers)


def _is_peer(peer: Object, other: End, namespace: str) -> bool:
    assert set(peer) <= {"podSelector", "namespaceSelector", "ipBlock"}, (
        f"not supported by this model: {peer}"
    )
    block = peer.get("ipBlock")
    if block is not None:
        assert set(block) == {"cidr"}, f"not supported by this model: {block}"
        if not other.address:
            return False
        address, network = ipaddress.ip_address(other.address), ipaddress.ip_network(block["cidr"])
        return address.version == network.version and address in network
    if not other.namespace:
        return False
    in_namespace = (
        _selects(peer["namespaceSelector"], other.all_namespace_labels)
        if "namespaceSelector" in peer
        else other.namespace == namespace
    )
    return in_namespace and _selects(peer.get("podSelector") or {}, other.labels)


def _selects(selector: Object, labels: Mapping[str, str]) -> bool:
    assert set(selector) <= {"matchLabels", "matchExpressions"}, f"not supported by this model: {selector}"
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    for each in selector.get("matchExpressions") or []:
        assert each["operator"] == "In", f"not supported by this model: {each}"
        if labels.get(each["key"]) not in each["values"]:
            return False
    return True
