"""A real Kubernetes control plane for tests: etcd, API server and controller manager, nothing else.

`CIFT_KUBE` names the binary (`kube etcd|apiserver|controller-manager` in one), which the test cluster builds.
There are no nodes and no pods. An operator needs only the API server, RBAC, admission and garbage collection.
"""

import json
import os
import signal
import subprocess
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from cift.run.privilege import before_exec
from cift.run.servers import free_port
from tests.cluster.local.places import BIN
from tests.stack import eventually

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0


def kube_binary() -> Path | None:
    """The control plane's binary: CIFT_KUBE, or the one that the test cluster built on this machine."""
    named = os.environ.get("CIFT_KUBE")
    if named:
        assert Path(named).is_file(), f"CIFT_KUBE is {named}, which is not a file"
        return Path(named)
    found = BIN / "kube"
    return found if found.is_file() else None


class Authority:
    """The certificate authority of one control plane."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cift-tests")])
        self._write("ca", self._key, self._sign(self._name, self._key, ca=True))

    def issue(self, name: str, common_name: str, organisations: tuple[str, ...] = ()) -> None:
        """Write `name`.crt and `name`.key, for a server on this machine or a user of the API."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
        subject = x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        key = ec.generate_private_key(ec.SECP256R1())
        self._write(name, key, self._sign(subject, key))

    def _sign(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, ca: bool = False
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        names = [x509.DNSName("localhost"), x509.IPAddress(IPv4Address("127.0.0.1"))]
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(minutes=5))
            .not_valid_after(now + timedelta(days=2))
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def _write(self, name: str, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        pem = serialization.Encoding.PEM
        (self.folder / f"{name}.crt").write_bytes(certificate.public_bytes(pem))
        form = serialization.PrivateFormat.TraditionalOpenSSL
        (self.folder / f"{name}.key").write_bytes(key.private_bytes(pem, form, serialization.NoEncryption()))


class ControlPlane:
    """One control plane in a folder, on free ports. Its parts can be killed and restarted."""

    def __init__(self, binary: Path, folder: Path) -> None:
        self.binary, self.folder = binary, folder
        self.authority = Authority(folder / "pki")
        self.authority.issue("apiserver", "kube-apiserver")
        self.authority.issue("service-accounts", "service-accounts")
        self._etcd, self._peers, self._port = free_port(), free_port(), free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        self.kubeconfig = self.user("admin", ("system:masters",))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        for name in ("etcd", "apiserver"):
            self.start_part(name)
        self.wait_ready()
        self.start_part("controller-manager")

    def start_part(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [self.binary, name, *self._flags(name)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
                preexec_fn=before_exec(signal.SIGTERM, drop_root=False),
            )

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        self.processes[name].send_signal(number)
        self.processes[name].wait(STOP_TIMEOUT_S)

    def stop(self) -> None:
        for name in ("controller-manager", "apiserver", "etcd"):
            process = self.processes.get(name)
            if process is not None and process.poll() is None:
                process.kill()  # its data is not kept, so it need not stop cleanly
                process.wait(STOP_TIMEOUT_S)

    def wait_ready(self) -> None:
        def ready() -> bool:
            for name, process in self.processes.items():
                assert process.poll() is None, f"{name} ended; see {self.folder / name}.log"
            return self.kubectl("get", "--raw", "/readyz", check=False).returncode == 0

        eventually(ready, f"the API server is ready; its log is in {self.folder}", START_TIMEOUT_S)

    def _flags(self, name: str) -> list[str]:
        etcd, pki = f"http://127.0.0.1:{self._etcd}", self.folder / "pki"
        match name:
            case "etcd":
                peers = f"http://127.0.0.1:{self._peers}"
                return [
                    f"--data-dir={self.folder}/etcd",
                    f"--listen-client-urls={etcd}",
                    f"--advertise-client-urls={etcd}",
                    f"--listen-peer-urls={peers}",
                    f"--initial-advertise-peer-urls={peers}",
                    f"--initial-cluster=default={peers}",
                    "--unsafe-no-fsync",
                    "--log-level=warn",
                ]
            case "apiserver":
                return [
                    f"--etcd-servers={etcd}",
                    "--bind-address=127.0.0.1",
                    "--advertise-address=127.0.0.1",
                    f"--secure-port={self._port}",
                    "--service-cluster-ip-range=10.97.0.0/24",
                    "--authorization-mode=RBAC",
                    f"--client-ca-file={pki}/ca.crt",
                    f"--tls-cert-file={pki}/apiserver.crt",
                    f"--tls-private-key-file={pki}/apiserver.key",
                    f"--service-account-key-file={pki}/service-accounts.crt",
                    f"--service-account-signing-key-file={pki}/service-accounts.key",
                    "--service-account-issuer=https://kubernetes.default.svc",
                    "--endpoint-reconciler-type=none",
                ]
            case _:
                return [
                    f"--kubeconfig={self.kubeconfig}",
                    f"--service-account-private-key-file={pki}/service-accounts.key",
                    f"--root-ca-file={pki}/ca.crt",
                    "--controllers=garbage-collector-controller,namespace-controller,"
                    "serviceaccount-controller",
                    "--leader-elect=false",
                    "--secure-port=0",
                ]

    def user(self, name: str, groups: tuple[str, ...] = ()) -> Path:
        """Make a user with these groups. Returns the path of its kubeconfig."""
        pki = self.folder / "pki"
        self.authority.issue(f"user-{name}", name, groups)
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "tests",
            "clusters": [
                {
                    "name": "tests",
                    "cluster": {"server": self.url, "certificate-authority": str(pki / "ca.crt")},
                }
            ],
            "users": [
                {
                    "name": name,
                    "user": {
                        "client-certificate": str(pki / f"user-{name}.crt"),
                        "client-key": str(pki / f"user-{name}.key"),
                    },
                }
            ],
            "contexts": [{"name": "tests", "context": {"cluster": "tests", "user": name}}],
        }
        path = self.folder / f"{name}.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    def kubectl(
        self, *arguments: str, input: str | None = None, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        return kubectl(self.kubeconfig, *arguments, input=input, check=check)


def kubectl(
    kubeconfig: Path, *arguments: str, input: str | None = None, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    """Run kubectl. With `check` it must succeed."""
    done = subprocess.run(
        ["kubectl", f"--kubeconfig={kubeconfig}", *arguments],
        input=input,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert not check or done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done
