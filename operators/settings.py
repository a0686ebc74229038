"""Settings of the operator: environment variables with the prefix `CIFT_OPERATOR_`.

Those of the stores are the house's (`cift/platform/settings.py`)."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cift.platform.settings import InvalidSettings

_NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True)
class OperatorSettings:
    """Each field is the variable `CIFT_OPERATOR_<FIELD>`."""

    namespace: str = "default"
    """Where it runs: its own Secret (a key with the scope `admin`) is kept there."""
    namespaces: tuple[str, ...] = ()
    """Namespaces that it watches, comma separated; none = the whole cluster."""
    sweep_s: float = 60.0
    """Every so often each resource is looked at, whether something happened or not."""
    writes_per_s: float = 20.0
    """The most requests a second that change something at the API server, events included."""
    port: int = 8080
    """Of /health, /ready and /metrics."""
    url: str = ""
    """Where programs reach the exchange; told in the Secrets as CIFT_URL."""

    def __post_init__(self) -> None:
        if self.sweep_s <= 0 or self.writes_per_s <= 0:
            raise InvalidSettings("CIFT_OPERATOR_SWEEP_S and CIFT_OPERATOR_WRITES_PER_S must be above 0")
        if not 0 <= self.port < 65_536:
            raise InvalidSettings(f"CIFT_OPERATOR_PORT must be a port, not {self.port}")

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> "OperatorSettings":
        """Settings of this process. Raises InvalidSettings with one sentence."""
        env = os.environ if environment is None else environment

        def given(name: str) -> str:
            return env.get(f"CIFT_OPERATOR_{name}", "").strip()

        def number(name: str, default: float) -> float:
            text = given(name)
            try:
                return float(text) if text else default
            except ValueError:
                raise InvalidSettings(f"CIFT_OPERATOR_{name}={text!r} is no number") from None

        own = given("NAMESPACE")
        if not own and _NAMESPACE_FILE.exists():
            own = _NAMESPACE_FILE.read_text().strip()
        return cls(
            namespace=own or cls.namespace,
            namespaces=tuple(each.strip() for each in given("NAMESPACES").split(",") if each.strip()),
            sweep_s=number("SWEEP_S", cls.sweep_s),
            writes_per_s=number("WRITES_PER_S", cls.writes_per_s),
            port=int(number("PORT", cls.port)),
            url=given("URL"),
        )
