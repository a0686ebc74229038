"""Certificates, etcd, API server, controller manager, scheduler, kube-proxy, DNS and the network device."""

import json
from pathlib import Path

from tests.cluster.local.places import BIN, DEVICE, DOMAIN, KUBECONFIG, NODE_IP, NODES, PKI, RUN
from tests.cluster.local.processes import start, wait_for
from tests.cluster.local.shell import kubectl, run

ETCD = "http://127.0.0.1:2379"
SERVER = f"https://{NODE_IP}:6443"
SERVICES = "10.96.0.0/16"
FIRST_SERVICE = "10.96.0.1"
"""The address of the API server's own Service."""
CERTIFICATE_DAYS = "365"


def openssl(*arguments: str | Path, input: str | None = None) -> None:
    run("openssl", *arguments, input=input, capture_output=True)


def certificate(name: str, subject: str, extension: str = "basicConstraints=CA:FALSE") -> None:
    key, request = PKI / f"{name}.key", PKI / f"{name}.csr"
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", request, "-subj", subject)
    openssl(
        *("x509", "-req", "-in", request, "-CA", PKI / "ca.crt", "-CAkey", PKI / "ca.key", "-CAcreateserial"),
        *("-days", CERTIFICATE_DAYS, "-out", PKI / f"{name}.crt", "-extfile", "/dev/stdin"),
        input=extension,
    )


def credentials() -> None:
    """Certificates of the servers and of `admin`, and the kubeconfig."""
    PKI.mkdir(parents=True, exist_ok=True)
    openssl(
        *("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", CERTIFICATE_DAYS),
        *("-keyout", PKI / "ca.key", "-out", PKI / "ca.crt", "-subj", "/CN=cift-test-cluster"),
    )
    service = "kubernetes.default.svc"
    names = ["kubernetes", "kubernetes.default", service, f"{service}.{DOMAIN}", "localhost"]
    addresses = (NODE_IP, "127.0.0.1", FIRST_SERVICE)
    alternatives = [*(f"DNS:{name}" for name in names), *(f"IP:{address}" for address in addresses)]
    certificate("apiserver", "/CN=kube-apiserver", f"subjectAltName={','.join(alternatives)}")
    certificate("admin", "/O=system:masters/CN=admin")
    kubelets = ",".join(f"IP:{node.address}" for node in NODES.values())
    certificate("kubelet", "/CN=kubelet", f"subjectAltName={kubelets}")
    openssl("genrsa", "-out", PKI / "sa.key", "2048")
    openssl("rsa", "-in", PKI / "sa.key", "-pubout", "-out", PKI / "sa.pub")
    cluster = {"server": SERVER, "certificate-authority": str(PKI / "ca.crt")}
    user = {"client-certificate": str(PKI / "admin.crt"), "client-key": str(PKI / "admin.key")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "admin", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "admin"}}],
    }
    KUBECONFIG.write_text(json.dumps(config))


def network() -> None:
    """The device with the nodes' addresses, and the kernel's settings for pods."""
    run("ip", "link", "add", DEVICE, "type", "bridge", check=False, capture_output=True)
    for node in NODES.values():
        run("ip", "addr", "add", f"{node.address}/32", "dev", DEVICE, check=False, capture_output=True)
    run("ip", "link", "set", DEVICE, "up")
    for name in ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables"):
        setting = Path("/proc/sys") / name
        if setting.exists():
            setting.write_text("1")


def control_plane() -> None:
    kube, config = BIN / "kube", f"--kubeconfig={KUBECONFIG}"
    start(
        *("etcd", kube, "etcd", f"--data-dir={RUN}/etcd", f"--listen-client-urls={ETCD}"),
        *(f"--advertise-client-urls={ETCD}", "--listen-peer-urls=http://127.0.0.1:2380"),
        *("--unsafe-no-fsync", "--log-level=warn"),
    )
    start(
        *("apiserver", kube, "apiserver", f"--etcd-servers={ETCD}", f"--bind-address={NODE_IP}"),
        *(f"--advertise-address={NODE_IP}", f"--service-cluster-ip-range={SERVICES}"),
        *("--allow-privileged=true", "--authorization-mode=Node,RBAC", f"--client-ca-file={PKI}/ca.crt"),
        *(f"--tls-cert-file={PKI}/apiserver.crt", f"--tls-private-key-file={PKI}/apiserver.key"),
        *("--kubelet-preferred-address-types=InternalIP", f"--kubelet-client-certificate={PKI}/admin.crt"),
        *(f"--kubelet-client-key={PKI}/admin.key", f"--service-account-key-file={PKI}/sa.pub"),
        f"--service-account-signing-key-file={PKI}/sa.key",
        f"--service-account-issuer=https://kubernetes.default.svc.{DOMAIN}",
    )
    wait_for("the API server", lambda: kubectl("get", "--raw", "/readyz", capture_output=True))
    start(
        *("controller-manager", kube, "controller-manager", config),
        *(f"--service-account-private-key-file={PKI}/sa.key", f"--root-ca-file={PKI}/ca.crt"),
        f"--cluster-signing-cert-file={PKI}/ca.crt",
        f"--cluster-signing-key-file={PKI}/ca.key",
        *("--use-service-account-credentials", "--bind-address=127.0.0.1", "--leader-elect=false"),
    )
    start("scheduler", kube, "scheduler", config, "--bind-address=127.0.0.1", "--leader-elect=false")


def proxy_and_dns() -> None:
    proxy = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "mode": "iptables",
        "bindAddress": NODE_IP,
        "healthzBindAddress": "127.0.0.1:10256",
        "metricsBindAddress": "127.0.0.1:10249",
        "clusterCIDR": "10.244.0.0/16",
        "clientConnection": {"kubeconfig": str(KUBECONFIG)},
        "hostnameOverride": "general",
        "conntrack": {"maxPerCore": 0, "min": 0},
    }
    (RUN / "proxy.json").write_text(json.dumps(proxy))
    start("proxy", BIN / "kube", "proxy", f"--config={RUN}/proxy.json")
    (RUN / "Corefile").write_text(f""".:53 {{
  bind {NODE_IP}
  errors
  health 127.0.0.1:8180
  kubernetes {DOMAIN} in-addr.arpa {{
    kubeconfig {KUBECONFIG} test
    pods insecure
    ttl 5
  }}
  cache 5
  loadbalance
}}
""")
    start("dns", BIN / "dns", "-conf", RUN / "Corefile")
