"""Who may log in to the demonstration account without a password."""

import pytest

from cift.auth import rules
from cift.auth.sessions import Sessions
from cift.kernel.errors import NotFound
from cift.platform.identity import Caller
from cift.platform.settings import Settings
from cift.platform.stores import Platform
from cift.run.folder import DataFolder
from cift.run.servers import functions
from tests.stack import Stack


def sessions(platform: Platform, **changed: object) -> Sessions:
    settings = Settings(**changed)  # type: ignore[arg-type]
    return Sessions(platform.database, platform.engine, platform.identity, platform.tokens, settings)


@pytest.mark.parametrize(
    ("address", "changed"),
    [
        ("127.0.0.1", {"demo_user": ""}),
        ("10.1.2.3", {"demo_user": "demo"}),
        (None, {"demo_user": "demo"}),
        ("127.0.0.1", {"demo_user": "demo", "behind_gateway": True}),
        ("127.0.0.1", {"demo_user": "nobody.here"}),
    ],
    ids=str,
)
async def test_other_machines_and_clusters_have_no_demonstration_account(
    exchange: Stack, platform: Platform, address: str | None, changed: dict[str, object]
) -> None:
    with pytest.raises(NotFound) as refusal:
        await sessions(platform, **changed).login_demo(Caller(address, None, "test"))
    assert refusal.value.code == "no_demo_account"


@pytest.mark.parametrize(
    ("address", "own"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104
        ("192.168.1.4", False),
        (None, False),
        ("x", False),
    ],
)
def test_only_loopback_addresses_belong_to_this_machine(address: str | None, own: bool) -> None:
    assert rules.is_loopback(address) is own


@pytest.mark.parametrize(
    ("host", "demo"),
    [("127.0.0.1", "demo"), ("::1", "demo"), ("0.0.0.0", None), ("192.168.1.4", None)],  # noqa: S104
)
def test_make_run_offers_it_on_a_loopback_address_only(exchange: Stack, host: str, demo: str | None) -> None:
    program = functions(DataFolder(exchange.folder), {}, Settings(http_host=host))
    assert program.environment.get("CIFT_DEMO_USER") == demo
