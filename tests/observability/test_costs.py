"""What tracing costs where no collector is configured: nothing is imported, and no span is made."""

import subprocess
import sys

from cift.platform import telemetry
from cift.platform.settings import Settings

START = """
import sys
from cift.host.loading import load_function
from cift.host.app import App
from cift.platform.settings import Settings
from cift.platform.stores import Platform

platform = Platform(Settings.load({ENVIRONMENT}))
App([load_function("trading.place_order")], platform)
print(sorted(name for name in sys.modules if name.startswith(("opentelemetry.", "google.protobuf")) or
             name == "cift.platform.tracing"))
"""


def imported(**environment: str) -> str:
    """The tracing modules that a process with one function has imported before its first request."""
    code = START.replace("{ENVIRONMENT}", repr(environment))
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_a_function_without_a_collector_imports_nothing_of_tracing() -> None:
    assert imported() == "[]"


def test_a_function_with_a_collector_imports_the_messages_of_otlp_only_for_its_first_span() -> None:
    assert imported(CIFT_OTLP_ENDPOINT="http://127.0.0.1:9") == "['cift.platform.tracing']"


def test_the_standard_variable_names_the_collector_too() -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318"}
    assert Settings.load(environment).otlp_endpoint == "http://collector:4318"
    assert (
        Settings.load({**environment, "CIFT_OTLP_ENDPOINT": "http://own:1"}).otlp_endpoint == "http://own:1"
    )


def test_without_a_collector_a_span_is_one_shared_object() -> None:
    assert telemetry.tracer is None
    telemetry.begin("tests.span", f"00-{'a' * 32}-{'b' * 16}-01")
    with telemetry.span("one") as one, telemetry.span("two") as two:
        assert one is two is None
    assert telemetry.span("one") is telemetry.span("two")
