"""TradingAccounts as users see them: create, edit, trade."""

from typing import Any

import pytest

from cift.kernel.money import NANOS
from tests.operators.account_client import AccountClient
from tests.operators.cluster import Cluster, account, condition, settled
from tests.stack import eventually
from tests.target import until
from tests.venue import TRADING, refusal

pytestmark = pytest.mark.usefixtures("operator")


async def test_an_applied_account_is_funded_and_trades(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace, risk={"maxOrderNotional": "5000", "leveragePercent": 150}))
    ada = cluster.account("ada", namespace)
    assert ada["status"]["phase"] == "Active"
    assert {each["status"] for each in ada["status"]["conditions"]} == {"True"}
    engine = (await client.query(ada["status"]["accountId"]))["account"]
    assert (engine["kind"], engine["cash"]) == ("margin", "100000")
    assert engine["limits"]["leverage_percent"] == 150
    trader, symbol = client.trader(ada), await client.venue.instrument()
    await client.venue.order(trader, symbol)
    refusal(await client.venue.try_order(trader, symbol, quantity="51"), 422, "order_notional_limit")
    # The default scopes are read and trade, not funds.
    refusal(
        await client.venue.call(trader, "POST", f"{TRADING}/account/deposit", {"amount": "1"}),
        403,
        "scope_required",
    )


async def test_kubectl_shows_and_describes_it(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace, startingCash="2500.5"))
    ada = cluster.account("ada", namespace)
    symbol = await client.venue.instrument()
    await client.venue.order(client.trader(ada), symbol, quantity="1")
    cluster.until(
        "tradingaccount",
        "ada",
        namespace,
        lambda each: each["status"]["summary"]["openOrders"] == 1,
        "the sweep puts the order into the summary",
    )
    header, row = cluster.kubectl("get", "tradingaccounts", "-n", namespace).stdout.splitlines()
    assert header.split() == ["NAME", "OWNER", "TYPE", "STATE", "EQUITY", "OPEN", "ORDERS", "READY", "AGE"]
    assert row.split()[:-1] == ["ada", "ada@example.org", "margin", "Active", "2500.5", "1", "True"]
    # Events are written in the background, after the steps they describe.
    wanted = {"AccountOpened", "AccountFunded", "CredentialsIssued", "Ready"}
    eventually(lambda: wanted <= set(cluster.events("ada", namespace)), "all events are written")
    described = cluster.kubectl("describe", "ta", "ada", "-n", namespace).stdout
    assert "Deposited the starting cash of 2500.50 USD" in described
    by_short_name = cluster.kubectl("get", "ta", "-n", namespace).stdout.splitlines()[1]
    assert by_short_name.split()[:-1] == row.split()[:-1]


async def test_a_cash_account_without_cash(cluster: Cluster, namespace: str, client: AccountClient) -> None:
    cluster.apply(account("poor", namespace, type="cash", startingCash="0"))
    poor = cluster.account("poor", namespace)
    engine = (await client.query(poor["status"]["accountId"]))["account"]
    assert (engine["kind"], engine["cash"], engine["limits"]["leverage_percent"]) == ("cash", "0", 100)
    assert await client.deposits(poor["status"]["accountId"]) == []


async def test_limits_are_in_force_when_the_status_reports_them(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace))
    id = cluster.account("ada", namespace)["status"]["accountId"]
    edits: list[tuple[dict[str, Any], dict[str, Any]]] = [
        ({"maxOpenOrders": 3}, {"max_open_orders": 3}),
        ({"maxPosition": "7.5", "maxDailyLoss": "100"}, {"max_position": "7.5", "max_daily_loss": "100"}),
        ({"maxPosition": None}, {"max_position": None, "max_open_orders": 3}),
    ]
    for edit, expected in edits:
        cluster.patch("ta", "ada", namespace, {"spec": {"risk": edit}})
        cluster.account("ada", namespace)
        limits = (await client.query(id))["account"]["limits"]
        assert limits | expected == limits
    assert "LimitsSet" in cluster.events("ada", namespace)


STATES = [
    ("ReduceOnly", "reduce_only"),
    ("Suspended", "suspended"),
    ("Closed", "closed"),
    ("Active", "active"),
]


@pytest.mark.parametrize("first", STATES, ids=[name for name, _ in STATES])
async def test_every_state_from_every_other(
    cluster: Cluster, namespace: str, client: AccountClient, first: tuple[str, str]
) -> None:
    symbol = await client.venue.instrument()
    cluster.apply(account("ada", namespace, state=first[0]))
    ada = cluster.account("ada", namespace)
    trader = client.trader(ada)
    for state, in_engine in [first, *[each for each in STATES if each != first], first]:
        cluster.patch("ta", "ada", namespace, {"spec": {"state": state}})
        ada = cluster.account("ada", namespace)
        assert await client.state(trader.account_id) == in_engine
        assert ada["status"]["phase"] == state
        response = await client.venue.try_order(trader, symbol, quantity="1")
        match state:
            case "Active":
                assert response.status_code == 201 and condition(ada, "Tradable")["status"] == "True"
                await client.venue.call(trader, "DELETE", f"{TRADING}/orders")
            case "ReduceOnly":
                refusal(response, 403, "account_reduce_only")
                assert condition(ada, "Tradable")["reason"] == "ReduceOnly"
            case _:
                refusal(response, 403, f"account_{in_engine}")
                tradable = condition(ada, "Tradable")
                assert (tradable["status"], tradable["reason"]) == ("False", state)


async def test_edits_of_a_closed_account_apply_when_it_reopens(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace, state="Closed"))
    id = cluster.account("ada", namespace)["status"]["accountId"]
    cluster.patch("ta", "ada", namespace, {"spec": {"risk": {"maxOpenOrders": 9}}})
    ada = cluster.account("ada", namespace)
    assert "when it is reopened" in condition(ada, "RiskApplied")["message"]
    cluster.patch("ta", "ada", namespace, {"spec": {"state": "Active"}})
    cluster.account("ada", namespace)
    engine = (await client.query(id))["account"]
    assert (engine["state"], engine["limits"]["max_open_orders"]) == ("active", 9)


async def test_closing_cancels_orders_and_waits_for_positions(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    symbol = await client.venue.instrument()
    cluster.apply(account("ada", namespace))
    trader = client.trader(cluster.account("ada", namespace))
    await client.hold(trader, symbol)
    await client.venue.order(trader, symbol, limit_price="99")
    cluster.patch("ta", "ada", namespace, {"spec": {"state": "Closed"}})
    ada = cluster.until(
        "ta", "ada", namespace, lambda each: each["status"]["phase"] == "Closing", "the phase is Closing"
    )
    risk = condition(ada, "RiskApplied")
    assert (risk["status"], risk["reason"]) == ("False", "PositionsOpen")
    assert f"3 {symbol}" in risk["message"] and condition(ada, "Ready")["message"] == risk["message"]
    assert (await client.query(trader.account_id))["account"]["open_orders"] == 0
    refusal(await client.venue.try_order(trader, symbol), 403, "account_reduce_only")
    await client.flatten(trader, symbol)
    cluster.account("ada", namespace)
    assert await client.state(trader.account_id) == "closed"
    events = cluster.events("ada", namespace)
    assert {"OrdersCanceled", "PositionsOpen"} <= set(events), events


async def test_the_owner_can_change(cluster: Cluster, namespace: str, client: AccountClient) -> None:
    cluster.apply(account("ada", namespace))
    before = cluster.account("ada", namespace)
    cluster.apply(account("ada", namespace, owner="grace@example.org"))
    after = cluster.account("ada", namespace)
    assert after["status"]["accountId"] == before["status"]["accountId"]
    assert "grace@example.org" in cluster.kubectl("get", "ta", "-n", namespace).stdout


async def test_drift_in_the_engine_is_repaired(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace, risk={"maxOpenOrders": 4}))
    id = cluster.account("ada", namespace)["status"]["accountId"]
    limits = (await client.query(id))["account"]["limits"]
    for drift in (
        {"type": "set_account_state", "account": id, "state": "suspended"},
        {
            "type": "set_limits",
            "account": id,
            "limits": {**limits, "max_open_orders": 400, "max_position": 5 * NANOS},
        },
    ):
        await client.venue.command(**drift)

    async def is_repaired() -> bool:
        engine = (await client.query(id))["account"]
        return (engine["state"], engine["limits"]) == ("active", limits)

    await until(is_repaired, "the operator repairs the drift")


async def test_an_edit_does_not_fund_the_account_again(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace, credentials={"scopes": ["read", "trade", "funds"]}))
    ada = cluster.account("ada", namespace)
    trader = client.trader(ada)
    taken = await client.venue.call(trader, "POST", f"{TRADING}/account/withdraw", {"amount": "99000"})
    assert taken.status_code == 201, taken.text
    cluster.patch("ta", "ada", namespace, {"spec": {"owner": "somebody else"}})
    cluster.account("ada", namespace)
    cluster.until(
        "ta",
        "ada",
        namespace,
        lambda each: each["status"]["summary"]["cash"] == "1000",
        "the sweep updates the cash in the summary",
    )
    assert await client.deposits(trader.account_id) == ["100000.000000000"]


async def test_a_managed_account_cannot_be_edited_over_http(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace))
    id = cluster.account("ada", namespace)["status"]["accountId"]
    key = cluster.secret("cift-admin", "default")["CIFT_API_KEY"]
    response = await client.venue.call(
        None, "PATCH", f"/api/v1/admin/accounts/{id}", {"state": "closed"}, {"X-API-Key": key}
    )
    assert f"{namespace}/ada" in refusal(response, 409, "managed_account")["message"]


async def test_a_status_edited_by_hand_is_repaired(cluster: Cluster, namespace: str) -> None:
    cluster.apply(account("ada", namespace))
    before = cluster.account("ada", namespace)
    change = '{"status": {"phase": "Wonderful", "accountId": "none"}}'
    cluster.kubectl(
        "patch", "ta", "ada", "-n", namespace, "--subresource=status", "--type=merge", "-p", change
    )
    cluster.until(
        "ta",
        "ada",
        namespace,
        lambda each: each["status"] == before["status"],
        "the status is as before",
    )


async def test_the_last_of_conflicting_edits_wins(
    cluster: Cluster, namespace: str, client: AccountClient
) -> None:
    cluster.apply(account("ada", namespace))
    id = cluster.account("ada", namespace)["status"]["accountId"]
    for number in range(12):
        state = ("ReduceOnly", "Suspended", "Active")[number % 3]
        cluster.patch(
            "ta", "ada", namespace, {"spec": {"state": state, "risk": {"maxOpenOrders": number + 1}}}
        )
        # Labels and the spec are on one object: neither edit overwrites the other.
        cluster.patch("ta", "ada", namespace, {"metadata": {"labels": {"team": f"t{number}"}}})
    ada = cluster.account("ada", namespace)
    engine = (await client.query(id))["account"]
    assert (engine["state"], engine["limits"]["max_open_orders"]) == ("active", 12)
    assert ada["metadata"]["labels"] == {"team": "t11"} and settled(ada)
