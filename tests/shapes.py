"""Compares values with the generated message types at run time, key by key."""

import types
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints

from typing_extensions import ReadOnly, is_typeddict


@dataclass(frozen=True)
class Shapes:
    """How strictly values are compared."""

    may_be_absent: frozenset[str] | None = None
    """Keys that a value may lack; None: those that are NotRequired."""
    tuples: type = tuple
    """The type of a value that is annotated as a tuple: list in JSON, which has no tuples."""

    def difference(self, value: Any, hint: Any) -> str | None:
        """Where `value` is not of the type `hint`, as `.key[0]: what is wrong`; None where it is."""
        hint, _ = _bare(hint)
        if is_typeddict(hint):
            return self._dict_difference(value, hint)
        kind, inner = get_origin(hint), get_args(hint)
        if kind in (types.UnionType, Union):
            right = any(self.difference(value, each) is None for each in inner)
            return None if right else f": {value!r} is none of {hint}"
        if kind is Literal:
            right = any(value == each and type(value) is type(each) for each in inner)
            return None if right else f": {value!r} is not one of {inner}"
        if kind is tuple:
            if type(value) is not self.tuples or len(value) != len(inner):
                return f": {value!r} is not {hint}"
            return self._first((f"[{i}]", value[i], each) for i, each in enumerate(inner))
        if kind in (list, Sequence):
            if type(value) is not list:
                return f": {value!r} is not a list"
            return self._first((f"[{i}]", each, inner[0]) for i, each in enumerate(value))
        kind = type(None) if hint is None else hint
        return None if type(value) is kind else f": {value!r} is not {kind.__name__}"

    def _dict_difference(self, value: Any, hint: Any) -> str | None:
        if type(value) is not dict:
            return f": {value!r} is not a dict"
        hints = get_type_hints(hint, include_extras=True)
        optional = self.may_be_absent
        if optional is None:
            optional = frozenset(key for key in hints if _bare(hints[key])[1])
        absent, surplus = hints.keys() - value.keys() - optional, value.keys() - hints.keys()
        if absent or surplus:
            return f": {hint.__name__} lacks {sorted(absent)}, has {sorted(surplus)}"
        return self._first((f".{key}", each, hints[key]) for key, each in value.items())

    def _first(self, parts: Iterable[tuple[str, Any, Any]]) -> str | None:
        for path, value, hint in parts:
            wrong = self.difference(value, hint)
            if wrong is not None:
                return path + wrong
        return None


def _bare(hint: Any) -> tuple[Any, bool]:
    """The hint without its qualifiers, and whether its key is NotRequired."""
    optional = False
    while get_origin(hint) in (ReadOnly, NotRequired):
        optional = optional or get_origin(hint) is NotRequired
        (hint,) = get_args(hint)
    return hint, optional


SENT = Shapes()
"""Commands and queries that Python sends."""
DECODED = Shapes(may_be_absent=frozenset({"idempotency_key"}))
"""What the codec decodes: every key is there, but the one that does not travel."""
JSON = Shapes(tuples=list)
"""Answers to queries."""
