"""Optional conditions of a query. Each function adds its condition to `where` and its parameters to `values`.

A condition whose value is not given adds nothing. The columns come from the code, never from a caller.
"""

from datetime import datetime
from typing import Any


def equal(where: list[str], values: list[Any], column: str, value: Any) -> None:
    """The column has this value."""
    if value is not None:
        values.append(value)
        where.append(f"{column} = ${len(values)}")


def between(
    where: list[str], values: list[Any], column: str, after: datetime | None, until: datetime | None
) -> None:
    """The column is in (after, until)."""
    for operator, moment in ((">", after), ("<", until)):
        if moment is not None:
            values.append(moment)
            where.append(f"{column} {operator} ${len(values)}")


def within(
    where: list[str], values: list[Any], column: str, span: tuple[datetime | None, datetime | None]
) -> None:
    """The column is in [start, end)."""
    for operator, moment in zip((">=", "<"), span, strict=True):
        if moment is not None:
            values.append(moment)
            where.append(f"{column} {operator} ${len(values)}")


def beyond(
    where: list[str],
    values: list[Any],
    columns: tuple[str, str],
    bound: tuple[int, int] | None,
    ascending: bool,
) -> None:
    """A list in the order of these columns continues after the row `bound`."""
    if bound is not None:
        values.extend(bound)
        operator = ">" if ascending else "<"
        where.append(f"({', '.join(columns)}) {operator} (${len(values) - 1}, ${len(values)})")
