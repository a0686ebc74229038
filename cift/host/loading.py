"""Finding the functions: every `functions/<domain>/<verb_noun>.py` that declares one."""

import importlib
import pkgutil
from pathlib import Path

from cift.function import Function
from cift.host.provide import parameters

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


def load_functions() -> list[Function]:
    """All functions, sorted by name. A file that declares none is an error, because a function would be
    missing unnoticed. Raises as `load_function`."""
    functions = importlib.import_module("functions")
    names = []
    for domain in pkgutil.iter_modules([str(Path(path)) for path in functions.__path__]):
        if domain.ispkg:
            folder = Path(next(iter(functions.__path__))) / domain.name
            names += [f"{domain.name}.{each.name}" for each in pkgutil.iter_modules([str(folder)])]
    return [load_function(name) for name in sorted(names)]
