"""The table of parameter types: each works, and any other type is an error when functions are loaded."""

import enum
import importlib
import inspect
import subprocess
import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel

from cift.contracts.paging import PageRequest
from cift.function import KINDS, Function, daemon, every, http, on, ws
from cift.generate.needs import needs
from cift.host.loading import load_function, load_functions
from cift.host.provide import PROVIDED, InvalidFunction, bind, parameters
from cift.platform.engine import Engine
from cift.platform.identity import Caller, Trader
from cift.platform.journal import Batch
from cift.platform.settings import Settings
from cift.platform.socket import Socket
from cift.platform.stores import STORES, Platform, stores
from cift.platform.tokens import make_key
from tests.stack import ROOT
from tests.target import DEADLINE_S


class Colour(enum.Enum):
    RED = "red"


class Body(BaseModel):
    size: int


def declared(declare: Any, function: Any) -> Function:
    module = types.ModuleType(f"functions.tests.{function.__name__}")
    sys.modules[module.__name__] = module
    function.__module__ = module.__name__
    found: Function = declare(function).__cift_function__
    return found


def with_type(declare: Any, type_: Any) -> Function:
    """A function with one parameter `x` of that type."""

    async def probe(x: Any) -> None: ...

    probe.__annotations__["x"] = type_
    return declared(declare, probe)


GET = http("GET", "/x", scope=None)


@pytest.mark.parametrize("type_name", list(PROVIDED))
def test_each_type_of_the_table_exists(type_name: str) -> None:
    module, _, name = type_name.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert f"{found.__module__}.{found.__qualname__}" == type_name


def test_each_store_opens_as_the_type_of_its_row_and_a_store_closes_before_those_it_uses(
    tmp_path: Path,
) -> None:
    make_key(tmp_path)
    platform = Platform(Settings(log="off", token_keys=str(tmp_path)))
    for store in stores():
        opened = getattr(platform, store.attribute)
        assert f"{type(opened).__module__}.{type(opened).__qualname__}" == store.type_name
        assert getattr(platform, store.attribute) is opened, "opened once"
        get = PROVIDED[store.type_name].get
        assert get is not None and get(platform) is opened
    order = [store.attribute for store in stores()]
    assert order.index("nats") < order.index("engine") < order.index("database") < order.index("identity")


async def test_a_function_receives_what_it_names() -> None:
    received: dict[str, Any] = {}

    async def takes(engine: Engine, settings: Settings, platform: Platform) -> None:
        received.update(engine=engine, settings=settings, platform=platform)

    platform = Platform(Settings(log="off"))
    await bind(declared(every("1s"), takes), platform)()
    assert received == {
        "engine": platform.engine,
        "settings": platform.settings,
        "platform": platform,
    }


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_function_may_name_every_store(kind: str) -> None:
    extra = {"on": (Batch,), "ws": (Socket,)}.get(kind, ())
    declare = {
        "http": GET,
        "ws": ws("/x", scope=None, rate="none"),
        "on": on("ORDERS"),
        "every": every("1s"),
        "daemon": daemon(),
    }[kind]
    for store in stores():
        module, _, name = store.type_name.rpartition(".")
        types_ = [getattr(importlib.import_module(module), name), *extra]

        async def probe(*_: Any) -> None: ...

        signature = inspect.Signature(
            [
                inspect.Parameter(f"p{i}", inspect.Parameter.KEYWORD_ONLY, annotation=type_)
                for i, type_ in enumerate(types_)
            ]
        )
        probe.__signature__ = signature  # type: ignore[attr-defined]
        probe.__annotations__ = {f"p{i}": type_ for i, type_ in enumerate(types_)}
        assert store.needs <= needs(declared(declare, probe))


@pytest.mark.parametrize(
    "type_",
    [
        str, int, float, bool, Colour, Literal["a", "b"], str | None, Annotated[int | None, "note"],
        Literal["a"] | None, Body, Body | None, PageRequest, Caller, Trader | None,
    ],
    ids=str,
)  # fmt: skip
def test_an_http_function_takes_values_a_body_and_the_caller(type_: Any) -> None:
    assert [each.name for each in parameters(with_type(GET, type_))] == ["x"]


@pytest.mark.parametrize(
    ("declare", "type_", "shown", "allowed"),
    [
        (GET, object, "builtins.object", "Caller, ClickHouse, Database, Engine"),
        (GET, list[str], "list[str]", "pydantic model (the body); str, int, float, bool, Enum, Literal"),
        (GET, Batch, "cift.platform.journal.Batch", "PageRequest"),
        (GET, Socket, "cift.platform.socket.Socket", "PageRequest"),
        (every("1s"), str, "builtins.str", "Database, Engine"),
        (every("1s"), Body, f"{__name__}.Body", "Database, Engine"),
        (every("1s"), Trader, "cift.platform.identity.Trader", "Database, Engine"),
        (daemon(), Batch, "cift.platform.journal.Batch", "Database, Engine"),
        (on("ORDERS"), Caller, "cift.platform.identity.Caller", "Batch, ClickHouse"),
        (ws("/x", scope=None), Trader, "cift.platform.identity.Trader", "Socket, Ticks"),
    ],
)
def test_another_type_is_an_error_that_names_function_parameter_type_and_what_is_allowed(
    declare: Any, type_: Any, shown: str, allowed: str
) -> None:
    function = with_type(declare, type_)
    with pytest.raises(InvalidFunction) as error:
        parameters(function)
    message = str(error.value)
    assert message.startswith(f"tests.probe: the parameter x has the type {shown}, which is not provided to")
    assert f"functions of the kind '{function.kind}'. Allowed: " in message
    assert allowed in message
    with pytest.raises(InvalidFunction):
        needs(function)


def test_batch_and_socket_are_required_and_a_second_body_is_an_error() -> None:
    async def nothing() -> None: ...
    async def two(a: Body, b: Body) -> None: ...

    for declare, name in ((on("ORDERS"), "Batch"), (ws("/x", scope=None), "Socket")):
        with pytest.raises(InvalidFunction, match=f"take exactly one {name}"):
            parameters(declared(declare, nothing))
    with pytest.raises(InvalidFunction, match="only one parameter may be a pydantic model"):
        parameters(declared(GET, two))


FILE = '''
"""A function of the tests."""
{imports}
from cift.function import every

@every("1s")
async def look_around(store: {type}) -> None: ...
'''


@pytest.mark.parametrize(
    ("imports", "type_", "sentence"),
    [
        ("class Store: ...", "Store", "tests_provided.look_around: the parameter store has the type"),
        ("", "'Engine'", "a type cannot be resolved: name 'Engine' is not defined"),
    ],
)
def test_a_file_with_an_unknown_type_fails_when_it_is_loaded_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, imports: str, type_: str, sentence: str
) -> None:
    import functions

    folder = tmp_path / "tests_provided"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "look_around.py").write_text(FILE.format(imports=imports, type=type_))
    monkeypatch.setattr(functions, "__path__", [str(tmp_path)])
    for name in [each for each in sys.modules if each.startswith("functions.tests_provided")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(InvalidFunction, match=sentence):
        load_function("tests_provided.look_around")
    with pytest.raises(InvalidFunction, match=sentence):
        load_functions()
    command = (
        "import functions, functions.__main__, sys;"
        f" functions.__path__[:] = [{str(tmp_path)!r}]; sys.argv[1:] = ['list']; functions.__main__.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )
    assert done.returncode == 1 and sentence in done.stderr and "Traceback" not in done.stderr


def test_stores_of_the_table_are_stores_of_the_chart() -> None:
    for type_name, provided in PROVIDED.items():
        assert provided.needs <= set(STORES), type_name


def test_a_function_that_names_one_store_imports_no_other() -> None:
    command = (
        "import sys; from cift.host.loading import load_function; load_function('auth.jwks');"
        " print([n for n in ('asyncpg', 'nats', 'redis', 'fastapi') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", command],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=True,
    )
    assert done.stdout.strip() == "[]"
