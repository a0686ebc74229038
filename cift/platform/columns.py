"""Columns of tables, derived from dataclasses.

A projector folds records into rows. A row is a dataclass; each of its fields is a column of one table, and
the annotation of the field is the kind of column. The statements that write the rows, the list of columns
that reads them and the values of the HTTP view are derived from it. So a column is defined in one place.

    @dataclass(slots=True)
    class Fill:
        order_id: Uuid
        price: Nanos

Numbers that fit 64 bits travel as bigint arrays, money as text arrays; both become NUMERIC by one exact
multiplication. A statement writes any number of rows.
"""

import types
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from operator import attrgetter, itemgetter
from typing import Annotated, Any, TypeAlias, TypeVar, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel

from cift.contracts.amounts import decimal_text
from cift.kernel.clock import from_datetime, rfc3339
from cift.kernel.money import format_nanos
from cift.platform.postgres import Connection

Convert: TypeAlias = Callable[[Any], Any]
View = TypeVar("View", bound=BaseModel)
_NANO = "0.000000001"


def _same(value: Any) -> Any:
    return value


@dataclass(frozen=True, slots=True)
class Kind:
    """How a column is written, read and shown. Conversions are not applied to None."""

    array: str
    """Type of the array's elements that a statement passes."""
    write: str = "{}"
    """SQL of the column's value, from an element of the array."""
    read: str = "{}"
    """SQL that reads the column."""
    parameter: Convert | None = None
    """The element, from a row's value."""
    view_of_column: Convert = _same
    """The value of a view, from what PostgreSQL returns."""
    view_of_value: Convert = _same
    """The value of a view, from a row's value."""


def _time_text(moment: Any) -> str:
    return rfc3339(from_datetime(moment))


def _array_text(ids: list[str]) -> str:
    return f"{{{','.join(ids)}}}"


TEXT = Kind("text")
NANOS = Kind("bigint", f"{{}} * {_NANO}", view_of_column=decimal_text, view_of_value=format_nanos)
MONEY = Kind("text", f"{{}}::numeric * {_NANO}", "{}", str, decimal_text, format_nanos)
BIGINT = Kind("bigint")

Uuid: TypeAlias = Annotated[str, Kind("uuid", read="{}::text")]
Uuids: TypeAlias = Annotated[list[str], Kind("text", "{}::uuid[]", "{}::text[]", _array_text)]
Text: TypeAlias = Annotated[str, TEXT]
Bool: TypeAlias = Annotated[bool, Kind("bool")]
Integer: TypeAlias = Annotated[int, Kind("int")]
BigInt: TypeAlias = Annotated[int, BIGINT]
Nanos: TypeAlias = Annotated[int, NANOS]
Money: TypeAlias = Annotated[int, MONEY]
"""An amount beyond 64 bits of nanos."""
Time: TypeAlias = Annotated[
    int, Kind("bigint", "journal_time({})", view_of_column=_time_text, view_of_value=rfc3339)
]
"""Nanoseconds since the Unix epoch."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table, and the field of a row that is written to it."""

    name: str
    kind: Kind
    nullable: bool

    def elements(self, rows: Collection[Any]) -> list[Any]:
        """The values of this column in all rows, as a statement passes them."""
        values = list(map(attrgetter(self.name), rows))
        convert = self.kind.parameter
        return values if convert is None else [None if each is None else convert(each) for each in values]


@cache
def columns_of(row: type) -> tuple[Column, ...]:
    """The columns of a row: its fields whose annotation has a kind. Other fields are not written."""
    found = ((name, *_kind(hint)) for name, hint in get_type_hints(row, include_extras=True).items())
    return tuple(Column(name, kind, nullable) for name, kind, nullable in found if kind is not None)


def _kind(hint: Any) -> tuple[Kind | None, bool]:
    """The kind in an annotation, and whether None is allowed."""
    if get_origin(hint) in (Union, types.UnionType):
        kinds = [_kind(each)[0] for each in get_args(hint)]
        return next((kind for kind in kinds if kind is not None), None), type(None) in get_args(hint)
    return next((each for each in getattr(hint, "__metadata__", ()) if isinstance(each, Kind)), None), False


def _unnest(columns: tuple[Column, ...]) -> str:
    arrays = ", ".join(f"${at}::{column.kind.array}[]" for at, column in enumerate(columns, 1))
    return f"unnest({arrays}) AS u ({', '.join(column.name for column in columns)})"


class Statement:
    """One statement that writes any number of rows."""

    def __init__(self, sql: str, columns: tuple[Column, ...]) -> None:
        self.sql = sql
        self._columns = columns

    async def execute(self, c: Connection, rows: Collection[Any]) -> None:
        """Write the rows, if there are any."""
        if rows:
            await c.execute(self.sql, *(column.elements(rows) for column in self._columns))

    async def execute_all(self, c: Connection, rows: Collection[Any], what: str) -> None:
        """Write the rows. Raises RuntimeError where the table lacks one: the read model and the journal
        disagree, and nothing of the batch may be committed."""
        if rows:
            done = await c.execute(self.sql, *(column.elements(rows) for column in self._columns))
            if done != f"UPDATE {len(rows)}":
                raise RuntimeError(
                    f"{len(rows)} {what} changed, but the read model has {done.split()[-1]} of them"
                )


def insert(table: str, row: type) -> Statement:
    """INSERT of rows."""
    columns = columns_of(row)
    return Statement(_insert(table, columns), columns)


def upsert(table: str, row: type, *key: str, keeps: tuple[str, ...] = (), **values: str) -> Statement:
    """INSERT of rows, or UPDATE of those whose key is there already.

    `keeps`: columns that an UPDATE does not change. `values`: other SQL for a column of an UPDATE, in
    which the table is `t` and the new row is `excluded`.
    """
    columns = columns_of(row)
    sets = [
        f"{column.name} = {values.get(column.name, f'excluded.{column.name}')}"
        for column in columns
        if column.name not in (*key, *keeps)
    ]
    conflict = f"ON CONFLICT ({', '.join(key)}) DO UPDATE SET {', '.join(sets)}"
    return Statement(f"{_insert(table, columns)} {conflict}", columns)


def _insert(table: str, columns: tuple[Column, ...]) -> str:
    names = ", ".join(column.name for column in columns)
    values = ", ".join(column.kind.write.format(column.name) for column in columns)
    return f"INSERT INTO {table} AS t ({names}) SELECT {values} FROM {_unnest(columns)}"  # noqa: S608


def update(table: str, row: type, key: str, *, none_keeps: bool, **values: str) -> Statement:
    """UPDATE of rows by their key.

    `none_keeps`: None in a row leaves the column unchanged; otherwise the column becomes null. `values`:
    other SQL for a column, in which the table is `t`, the row is `u` and `{}` is the plain value.
    """
    columns = columns_of(row)
    sets = []
    for column in columns:
        value = column.kind.write.format(f"u.{column.name}")
        if none_keeps and column.nullable:
            value = f"coalesce({value}, t.{column.name})"
        if column.name != key:
            sets.append(f"{column.name} = {values.get(column.name, '{}').format(value)}")
    sql = f"UPDATE {table} t SET {', '.join(sets)} FROM {_unnest(columns)} WHERE t.{key} = u.{key}"  # noqa: S608
    return Statement(sql, columns)


def selection(row: type, *generated: str) -> str:
    """The list of columns that reads rows, with those that PostgreSQL generates."""
    reads = [f"{column.kind.read.format(column.name)} AS {column.name}" for column in columns_of(row)]
    return ", ".join([*reads, *generated])


def viewer_of_columns(view: type[View], row: type, **others: Convert) -> Callable[[Any], View]:
    """A function from a record of PostgreSQL to the view. `others`: the fields that are no columns.

    Raises:
        TypeError: a field of the view has no source.
    """
    kinds = {column.name: column.kind.view_of_column for column in columns_of(row)}
    return _viewer(view, kinds, itemgetter, others)


def viewer_of_values(view: type[View], row: type, **others: Convert) -> Callable[[Any], View]:
    """A function from a row to the view. `others`: the fields that are no columns.

    Raises:
        TypeError: a field of the view has no source.
    """
    kinds = {column.name: column.kind.view_of_value for column in columns_of(row)}
    return _viewer(view, kinds, attrgetter, others)


def _viewer(
    view: type[View],
    kinds: Mapping[str, Convert],
    getter: Callable[..., Callable[[Any], Any]],
    others: Mapping[str, Convert],
) -> Callable[[Any], View]:
    lacking = view.model_fields.keys() - kinds.keys() - others.keys()
    if lacking:
        raise TypeError(f"{view.__name__}: no source for {', '.join(sorted(lacking))}")
    # One call gets all columns; only those with a conversion cost a call each.
    names = [name for name in view.model_fields if name not in others]
    names.append(names[0])  # a getter of one name would return no tuple
    get = getter(*names)
    converted = tuple((name, kinds[name]) for name in names[:-1] if kinds[name] is not _same)
    computed = tuple(others.items())
    fields_set = set(view.model_fields)
    assign = object.__setattr__

    def build(source: Any) -> View:
        values = dict(zip(names, get(source), strict=True))
        for name, convert in converted:
            value = values[name]
            if value is not None:
                values[name] = convert(value)
        for name, compute in computed:
            values[name] = compute(source)
        # What `model_construct` does, without its loop over the fields: that is most of the cost of a view.
        built = view.__new__(view)
        assign(built, "__dict__", values)
        assign(built, "__pydantic_fields_set__", fields_set)
        assign(built, "__pydantic_extra__", None)
        assign(built, "__pydantic_private__", None)
        return built

    return build
