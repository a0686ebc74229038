"""Finding the functions: every `functions/<domain>/<verb_noun>.py` that declares one."""

import importlib
import pkgutil
import re
from pathlib import Path

from cift.function import KINDS, Function, Kind
from cift.host.provide import parameters

_DECORATOR = re.compile(rf"^@({'|'.join(KINDS)})\(", re.MULTILINE)
PROBES = ("platform.health", "platform.metrics")
"""Served beside each function that runs alone."""


class NoSuchFunction(Exception):
    """There is no function of that name; one sentence."""


def load_function(name: str) -> Function:
    """The function `<domain>.<verb_noun>`. Imports its file only, and checks its parameters.

    Raises:
        NoSuchFunction: there is no such file, or it declares no function.
        InvalidFunction: a parameter has a type that the host cannot provide.
    """
    domain, _, verb_noun = name.partition(".")
    if not (domain.isidentifier() and verb_noun.isidentifier()):
        raise NoSuchFunction(f"{name!r} is not a function's name; a valid name is trading.place_order")
    try:
        module = importlib.import_module(f"functions.{name}")
    except ModuleNotFoundError as error:
        if error.name not in ("functions", f"functions.{domain}", f"functions.{name}"):
            raise
        raise NoSuchFunction(f"there is no functions/{domain}/{verb_noun}.py") from None
    function = getattr(getattr(module, verb_noun, None), "__cift_function__", None)
    if not isinstance(function, Function):
        raise NoSuchFunction(f"functions/{domain}/{verb_noun}.py declares no function {verb_noun}")
    parameters(function)
    return function


def load_functions(*kinds: Kind) -> list[Function]:
    """All functions, or those of the given kinds, sorted by name. Files of other kinds are not imported: a
    process that serves no HTTP then needs no web framework, which is most of its memory. A file that declares
    no function is an error, because a function would be missing unnoticed. Raises as `load_function`."""
    functions = importlib.import_module("functions")
    paths: dict[str, Path] = {}
    for domain in pkgutil.iter_modules([str(Path(path)) for path in functions.__path__]):
        if domain.ispkg:
            folder = Path(next(iter(functions.__path__))) / domain.name
            for each in pkgutil.iter_modules([str(folder)]):
                paths[f"{domain.name}.{each.name}"] = folder / f"{each.name}.py"
    return [load_function(name) for name in sorted(paths) if not kinds or _kind(paths[name]) in kinds]


def _kind(path: Path) -> str:
    """The kind of the function in a file, without importing it; empty if it declares none."""
    found = _DECORATOR.search(path.read_text())
    return found[1] if found else ""
