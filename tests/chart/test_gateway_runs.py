"""A real Envoy with the chart's configuration serves its own pages and errors, over HTTP and TLS."""

import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from cift.generate.chart import GATEWAY_PAGES, page_file
from cift.run.servers import free_port
from k8s.images.wheels import content_of
from tests.certificates import certificate_of
from tests.chart.helm import named, render
from tests.target import DEADLINE_S, eventually
from tests.venue import refusal

ENVOY = Path(sys.prefix) / "bin" / "envoy"
ADDRESS = "127.0.0.1"


def renew(folder: Path) -> ssl.SSLContext:
    """Replace the gateway's certificate as the kubelet updates a Secret: atomically, by moving a link.

    Returns an SSL context that trusts only the new certificate."""
    certificate, key = certificate_of(ADDRESS)
    number = len(list(folder.glob("version-*")))
    version = folder / f"version-{number}"
    version.mkdir(parents=True)
    (version / "tls.crt").write_bytes(certificate)
    (version / "tls.key").write_bytes(key)
    link = folder / "next"
    link.symlink_to(version.name)
    link.rename(folder / "data")
    for name in ("tls.crt", "tls.key"):
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"data/{name}")
    return ssl.create_default_context(cadata=certificate.decode())


@contextmanager
def running(folder: Path, **gateway: Any) -> Iterator[int]:
    """Run a gateway with these values. Yields its port."""
    ports = {name: free_port() for name in (":8080", ":8081", ":9901")}
    paths = {"/config/": f"{folder}/", "/tls": f"{folder}/tls", "/pages/": f"{folder}/pages/"}
    for name, text in named(render(gateway=gateway), "ConfigMap", "cift-gateway")["data"].items():
        for in_pod, here in paths.items():
            text = text.replace(f'"{in_pod}', f'"{here}').replace(f" {in_pod}", f" {here}")
        for port, free in ports.items():
            text = text.replace(f"port_value: {port[1:]}", f"port_value: {free}")
        (folder / name).write_text(text)
    (folder / "pages").mkdir()
    for path in GATEWAY_PAGES:
        (folder / "pages" / page_file(path)).write_bytes(content_of(path))
    log = folder / "log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [ENVOY, "--config-path", folder / "envoy.yaml", "--concurrency", "1", "--disable-hot-restart"],
            stdout=out,
            stderr=out,
        )
    try:

        def is_up() -> bool:
            assert process.poll() is None, log.read_text()[-2000:]
            return httpx.get(f"http://{ADDRESS}:{ports[':8081']}/health", timeout=DEADLINE_S).text == "ok\n"

        eventually(is_up, "the gateway is up")
        yield ports[":8080"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            process.kill()


def test_it_serves_pages_and_errors_without_functions(tmp_path: Path) -> None:
    with running(tmp_path) as port:
        url = f"http://{ADDRESS}:{port}"
        for path in GATEWAY_PAGES:
            assert httpx.get(f"{url}{path}", timeout=DEADLINE_S).content == content_of(path)
        refusal(httpx.get(f"{url}/nowhere", timeout=DEADLINE_S), 404, "not_found")
        refusal(httpx.delete(f"{url}/ready", timeout=DEADLINE_S), 405, "method_not_allowed")
        # This route's function does not run.
        unavailable = httpx.get(f"{url}/ready", timeout=DEADLINE_S)
        refusal(unavailable, 503, "unavailable")
        assert int(unavailable.headers["Retry-After"]) > 0


def test_alpacas_paths_have_errors_of_its_form_and_never_504(tmp_path: Path) -> None:
    with running(tmp_path) as port:
        for prefix in ("", "/alpaca", "/"):
            url = f"http://{ADDRESS}:{port}{prefix}"
            nothing = httpx.get(f"{url}/v2/options/contracts", timeout=DEADLINE_S)
            assert (nothing.status_code, nothing.json()["code"]) == (404, 40410000)
            # These functions do not run. A change may have been made, but no client repeats a 503.
            for method, path in (("POST", "/v2/orders"), ("GET", "/v2/account/"), ("DELETE", "/v2/orders/x")):
                lost = httpx.request(method, f"{url}{path}", timeout=DEADLINE_S)
                assert (lost.status_code, lost.json()["code"]) == (503, 50310000), path
                assert lost.json()["message"] and lost.json()["request_id"]
            assert httpx.put(f"{url}/v2/orders", timeout=DEADLINE_S).json()["code"] == 40510000


def test_a_renewed_certificate_is_loaded_without_a_restart(tmp_path: Path) -> None:
    trusted = renew(tmp_path / "tls")
    with running(tmp_path, tls={"secretName": "mine"}) as port:
        url = f"https://{ADDRESS}:{port}/openapi.json"
        assert httpx.get(url, verify=trusted, timeout=DEADLINE_S).status_code == 200
        renewed = renew(tmp_path / "tls")
        eventually(
            lambda: httpx.get(url, verify=renewed, timeout=DEADLINE_S).status_code == 200,
            "the new certificate is served",
        )
