"""Settings of the operator: environment variables with the prefix `CIFT_OPERATOR_`.

`cift/platform/settings.py` has the settings of the stores."""

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
    """The operator's own namespace. It keeps the Secret `cift-admin` there, a key with the scope `admin`."""
    namespaces: tuple[str, ...] = ()
    """Namespaces that it watches, comma separated. Empty: the whole cluster."""
    sweep_s: float = 60.0
    """Interval of the sweep, which reconciles every resource whether or not it changed."""
    writes_per_s: float = 20.0
    """Limit of writes to the API server a second, events included."""
    port: int = 8080
    """The port of /health, /ready and /metrics."""
    url: str = ""
    """The URL of the exchange. The Secrets hold it as CIFT_URL."""

    def __post_init__(self) -> None:
        if self.sweep_s <= 0 or self.writes_per_s <= 0:
            raise InvalidSettings("CIFT_OPERATOR_SWEEP_S and CIFT_OPERATOR_WRITES_PER_S must be above 0")
        if not 0 <= self.port < 65_536:
            raise InvalidSettings(f"CIFT_OPERATOR_PORT is {self.port}; it must be a port from 0 to 65535")

    @classmethod
    def load(cls, environment: Mapping[str, str] | None = None) -> "OperatorSettings":
        """The settings of this process. Raises InvalidSettings."""
        env = os.environ if environment is None else environment

        def given(name: str) -> str:
            return env.get(f"CIFT_OPERATOR_{name}", "").strip()

        def number(name: str, default: float) -> float:
            text = given(name)
            try:
                return float(text) if text else default
            except ValueError:
                raise InvalidSettings(f"CIFT_OPERATOR_{name} is {text!r}; it must be a number") from None

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
