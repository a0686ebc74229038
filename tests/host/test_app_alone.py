"""The app in this process, without any store: errors, CORS, the OpenAPI document, parameter types. The
functions of these tests are declared under names that real files would have."""

import sys
import types
from collections.abc import Callable
from typing import Annotated, Any

import httpx
import pytest
from pydantic import BaseModel, ConfigDict, Field

from cift.contracts.headers import FromHeader
from cift.contracts.paging import Page, PageRequest, make_cursor
from cift.function import Function, Scale, daemon, every, http, on, ws
from cift.host.app import App
from cift.host.loading import NoSuchFunction, load_function, load_functions
from cift.host.provide import InvalidFunction
from cift.kernel.errors import Conflict, OutcomeUnknown, ReadModelBehind, Refused, Unavailable
from cift.platform.identity import Caller, Trader
from cift.platform.settings import InvalidSettings, Settings
from cift.platform.stores import Platform


class NoLimits:
    """Replaces the rate limits, which tests/platform/test_limits.py tests with a real Valkey."""

    user = public = auth = None

    async def spend(self, limit: object, who: str) -> None: ...


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")
    quantity: str | int
    nested: dict[str, int] | None = None


class View(BaseModel):
    text: str


def function(declare: Callable[[Any], Any], function: Any) -> Function:
    """Declare `function` as if it were functions/tests/<name>.py."""
    module = types.ModuleType(f"functions.tests.{function.__name__}")
    module.__doc__ = "A function of the tests."
    sys.modules[module.__name__] = module
    function.__module__ = module.__name__
    found: Function = declare(function).__cift_function__
    return found


def client(*functions: Function, **settings: Any) -> httpx.AsyncClient:
    platform = Platform(Settings(log="off", trusted_hosts=("*",), **settings))
    platform.__dict__["limits"] = NoLimits()
    transport = httpx.ASGITransport(app=App(functions, platform), raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://test")


async def test_uncaught_errors_reveal_no_internals() -> None:
    async def fails() -> View:
        raise RuntimeError("password=hunter2 in /etc/secret")

    async with client(function(http("GET", "/x", scope=None), fails)) as http_:
        response = await http_.get("/x")
    assert response.status_code == 500 and response.json()["code"] == "internal"
    assert "hunter2" not in response.text and "RuntimeError" not in response.text


async def test_a_return_value_of_the_wrong_type_is_an_internal_error() -> None:
    async def wrong() -> View:
        return {"text": object()}  # type: ignore[return-value]

    async with client(function(http("GET", "/x", scope=None), wrong)) as http_:
        assert (await http_.get("/x")).json()["code"] == "internal"


@pytest.mark.parametrize(
    ("error", "status", "headers", "extra"),
    [
        (Refused("no_way", "No.", "quantity"), 422, {}, {"field": "quantity"}),
        (Conflict("taken", "Taken."), 409, {}, {}),
        (Unavailable("engine_unavailable", "Later."), 503, {"retry-after": "1"}, {}),
        (OutcomeUnknown("an-id"), 503, {}, {"id": "an-id"}),
        (ReadModelBehind(), 503, {"retry-after": "1"}, {}),
    ],
    ids=lambda value: getattr(value, "code", ""),
)
async def test_each_kernel_error_becomes_its_response(
    error: Exception, status: int, headers: dict[str, str], extra: dict[str, str]
) -> None:
    async def refuses() -> View:
        raise error

    async with client(function(http("GET", "/x", scope=None), refuses)) as http_:
        response = await http_.get("/x")
    assert response.status_code == status
    assert headers.items() <= dict(response.headers).items()
    assert extra.items() <= response.json().items()


async def test_parameters_are_filled_by_type_and_by_name() -> None:
    async def echo(
        name: str,
        caller: Caller,
        page: PageRequest,
        settings: Settings,
        symbols: Annotated[str, Field(max_length=5)],
        depth: int = 10,
        key: Annotated[str | None, FromHeader("Idempotency-Key")] = None,
    ) -> dict[str, Any]:
        return {
            "name": name,
            "symbols": symbols,
            "depth": depth,
            "key": key,
            "limit": page.limit,
            "after": page.after(),
            "port": settings.http_port,
            "agent": caller.user_agent,
        }

    async with client(function(http("GET", "/echo/{name}", scope=None), echo)) as http_:
        cursor = make_cursor("k1")
        response = await http_.get(
            f"/echo/BTC%2FUSD?symbols=SPY&depth=3&limit=7&cursor={cursor}",
            headers={"Idempotency-Key": "abc", "User-Agent": "t"},
        )
        assert response.json() == {
            "name": "BTC/USD",
            "symbols": "SPY",
            "depth": 3,
            "key": "abc",
            "limit": 7,
            "after": "k1",
            "port": 8000,
            "agent": "t",
        }
        missing = (await http_.get("/echo/a")).json()
        assert (missing["code"], missing["field"]) == ("invalid_request", "symbols")
        long = (await http_.get("/echo/a?symbols=123456")).json()
        assert long["field"] == "symbols"


async def test_bodies_are_checked_before_the_function_runs() -> None:
    ran: list[Body] = []

    async def take(body: Body) -> View:
        ran.append(body)
        return View(text="ok")

    async with client(function(http("POST", "/take", scope=None, status=201), take)) as http_:
        good = await http_.post("/take", json={"quantity": 5, "nested": {"a": 1}})
        assert (good.status_code, good.json()) == (201, {"text": "ok"})
        for body, field in (
            ({"quantity": -1.5}, "quantity"),
            ({"quantity": None}, "quantity"),
            ({"quantity": "1", "nested": {"a": "x"}}, "nested.a"),
            ({"quantity": "1", "typo": 1}, "typo"),
            ({}, "quantity"),
        ):
            response = (await http_.post("/take", json=body)).json()
            assert (response["code"], response["field"]) == ("invalid_request", field), response
    assert len(ran) == 1


async def test_cors_headers_only_for_the_configured_origins() -> None:
    async def index() -> View:
        return View(text="hi")

    declared = function(http("GET", "/x", scope=None), index)
    async with client(declared, cors_origins=("https://app.example",)) as http_:
        good = await http_.get("/x", headers={"Origin": "https://app.example"})
        assert good.headers["access-control-allow-origin"] == "https://app.example"
        assert (
            "access-control-allow-origin"
            not in (await http_.get("/x", headers={"Origin": "https://evil.example"})).headers
        )
        preflight_headers = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
        preflight = await http_.options("/x", headers=preflight_headers)
        assert preflight.status_code == 204
        assert "x-api-key" in preflight.headers["access-control-allow-headers"]
        preflight_headers["Origin"] = "https://evil.example"
        assert (
            "access-control-allow-methods"
            not in (await http_.options("/x", headers=preflight_headers)).headers
        )
    async with client(declared) as http_:
        response = await http_.get("/x", headers={"Origin": "https://app.example"})
        assert "access-control-allow-origin" not in response.headers


async def test_the_openapi_document_describes_the_functions() -> None:
    async def place(body: Body, trader: Trader) -> View:
        """Place a thing.

        Details."""
        return View(text="")

    async def many(page: PageRequest, status: str = "all") -> Page[View]:
        return Page(items=[])

    functions = [
        function(http("POST", "/things/{id}", scope="trade", status=201), place_with_id(place)),
        function(http("GET", "/things", scope=None), many),
    ]
    async with client(*functions) as http_:
        document = (await http_.get("/openapi.json")).json()
    post = document["paths"]["/things/{id}"]["post"]
    assert post["operationId"] == "tests_place" and post["summary"] == "Place a thing"
    pair = [{"KeyId": [], "KeySecret": []}, {"KeyPair": []}]
    assert post["security"] == [{"AccessToken": []}, {"ApiKey": []}, *pair]
    assert "`trade`" in post["description"]
    assert post["requestBody"]["content"]["application/json"]["schema"]["$ref"].endswith("/Body")
    assert post["responses"]["201"]["content"]["application/json"]["schema"]["$ref"].endswith("/View")
    for status in ("400", "401", "403", "404", "409", "422", "429", "503"):
        schema = post["responses"][status]["content"]["application/json"]["schema"]
        assert schema == {"$ref": "#/components/schemas/ErrorView"}
    get = document["paths"]["/things"]["get"]
    assert {p["name"] for p in get["parameters"]} == {"limit", "cursor", "status"} and "security" not in get
    assert {"ErrorView", "Body", "View"} <= set(document["components"]["schemas"])
    assert "HTTPValidationError" not in document["components"]["schemas"]


def place_with_id(place: Any) -> Any:
    async def place_(id: str, body: Body, trader: Trader) -> View:
        return View(text=id)

    place_.__name__, place_.__doc__ = "place", place.__doc__
    return place_


def test_invalid_declarations_are_errors() -> None:
    async def nobody(trader: Trader) -> View:
        raise AssertionError

    with pytest.raises(InvalidFunction, match="takes trader: Trader"):
        App([function(http("GET", "/x", scope=None), nobody)], Platform(Settings()))

    async def mystery(x) -> View:  # type: ignore[no-untyped-def]
        raise AssertionError

    with pytest.raises(InvalidFunction, match="the parameter x needs a type"):
        App([function(http("GET", "/x", scope=None), mystery)], Platform(Settings()))

    async def one() -> View:
        raise AssertionError

    twice = function(http("GET", "/x", scope=None), one)
    with pytest.raises(AssertionError, match="another function has the route GET /x"):
        App([twice, twice], Platform(Settings()))
    with pytest.raises(InvalidFunction, match="take exactly one Socket"):
        _ = App([function(ws("/x", scope=None), one)], Platform(Settings())).sockets
    with pytest.raises(AssertionError, match="duration"):
        every("soon")
    with pytest.raises(TypeError):
        http("GET", "/x")  # type: ignore[call-arg]  # scope has no default


def test_every_file_declares_the_function_of_its_name() -> None:
    functions = load_functions()
    assert len({each.name for each in functions}) == len(functions) > 15
    routes = [(each.method, each.path) for each in functions if each.kind == "http"]
    assert len(set(routes)) == len(routes)
    for each in functions:
        assert each.doc, f"{each.name} has no docstring"
    for name in ("nope", "auth.nope", "../etc.passwd", "auth", "kernel.money", ""):
        with pytest.raises(NoSuchFunction):
            load_function(name)


def test_triggers_as_text() -> None:
    async def a() -> None: ...

    assert function(every("90s"), a).trigger == "every 90 s"
    assert function(daemon(), a).trigger == "daemon"
    assert function(ws("/x", scope=None), a).trigger == "WS /x"
    assert function(on("ORDERS", batch=5), a).trigger == "on ORDERS"
    assert function(http("GET", "/x", scope=None, scale=Scale(min=1)), a).trigger == "GET /x"


@pytest.mark.parametrize(
    ("variable", "value", "match"),
    [
        ("CIFT_HTTP_PORT", "eighty", "CIFT_HTTP_PORT"),
        ("CIFT_HTTP_PORT", "70000", "port"),
        ("CIFT_MARKET", "moon", "replay, agents, alpaca, massive, none"),
        ("CIFT_RATE_LIMIT", "0", "CIFT_RATE_LIMIT"),
        ("CIFT_SHARD", "a.b", "CIFT_SHARD"),
        ("CIFT_LOG_REQUESTS", "perhaps", "CIFT_LOG_REQUESTS"),
    ],
)
def test_invalid_settings_are_errors_that_name_the_variable(variable: str, value: str, match: str) -> None:
    with pytest.raises(InvalidSettings, match=match):
        Settings.load({variable: value, "CIFT_DATA": "/nonexistent"})


def test_settings_are_read_from_the_environment() -> None:
    found = Settings.load(
        {"CIFT_CORS_ORIGINS": "https://a, https://b", "CIFT_RATE_LIMIT": "25", "CIFT_DATA": "/nonexistent"}
    )
    assert found.cors_origins == ("https://a", "https://b") and found.rate_limit == 25
