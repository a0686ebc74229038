"""The result of a run as one HTML file without scripts and without requests to other addresses."""

from dataclasses import asdict
from datetime import timedelta
from html import escape

import polars as pl

from cift.backtest import statistics
from cift.backtest.engine import Result

POINTS_MAX = 800
ROWS_MAX = 200
WIDTH, HEIGHT = 860, 180
STYLE = """body{font:14px system-ui;max-width:900px;margin:2em auto;color:#222}
svg{width:100%;background:#fafafa}
table{border-collapse:collapse}td,th{padding:2px 12px 2px 0;text-align:right}h2{margin-top:1.5em}"""


def html(result: Result, title: str) -> str:
    """Equity, drawdown, exposure, figures, costs, the orders that ended, and the first fills."""
    figures = statistics.of(result)
    curve = result.equity
    drawdown = statistics.drawdowns(curve["equity"]) * 100
    parts = [
        f"<h1>{escape(title)}</h1><p><b>{escape(statistics.verdict(figures))}</b></p>",
        f"<p>{result.ticks:,} ticks of {escape(', '.join(result.symbols))}; {result.orders:,} orders.</p>",
        "<h2>Equity</h2>" + _line(curve["at"], curve["equity"]),
        "<h2>Drawdown, %</h2>" + _line(curve["at"], drawdown),
        "<h2>Gross exposure</h2>" + _line(curve["at"], curve["gross"]),
        "<h2>Figures</h2>" + _table([(name, _number(value)) for name, value in asdict(figures).items()]),
        "<h2>Assumptions</h2>" + _table([(name, str(x)) for name, x in asdict(result.settings).items()]),
        "<h2>Orders that ended without a complete fill</h2>"
        + _table([(reason, str(count)) for reason, count in sorted(result.refused.items())]),
        f"<h2>Fills (the first {ROWS_MAX})</h2>" + _fills(result.fills.head(ROWS_MAX)),
    ]
    body = "\n".join(parts)
    return (
        f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>\n{body}\n"
    )


def _number(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4f}"


def _time(at_ns: int) -> str:
    return str(timedelta(milliseconds=at_ns // 1_000_000))[:12]


def _table(rows: list[tuple[str, str]]) -> str:
    lines = "".join(f"<tr><th>{escape(name)}<td>{escape(value)}" for name, value in rows)
    return f"<table>{lines}</table>"


def _fills(fills: pl.DataFrame) -> str:
    names = ("at", "symbol", "side", "quantity", "price", "fee", "position")
    rows = []
    for fill in fills.select(names).iter_rows():
        cells = [_time(fill[0]), *(escape(str(value)) for value in fill[1:])]
        rows.append("<tr>" + "".join(f"<td>{cell}" for cell in cells))
    return f"<table><tr>{''.join(f'<th>{name}' for name in names)}{''.join(rows)}</table>"


def _line(x: pl.Series, y: pl.Series) -> str:
    """A line as SVG, with its lowest and highest value. At most `POINTS_MAX` points are drawn."""
    if y.len() < 2:
        return "<p>No points.</p>"
    every = max(y.len() // POINTS_MAX, 1)
    times, values = x.gather_every(every).to_list(), y.gather_every(every).to_list()
    low, high = min(values), max(values)
    span, first = (high - low) or 1.0, times[0]
    length = (times[-1] - first) or 1
    points = " ".join(
        f"{(at - first) / length * WIDTH:.1f},{HEIGHT - 10 - (value - low) / span * (HEIGHT - 20):.1f}"
        for at, value in zip(times, values, strict=True)
    )
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}"><polyline fill="none" stroke="#1f6feb" points="{points}"/>'
        f'<text x="4" y="14">{high:,.2f}</text><text x="4" y="{HEIGHT - 4}">{low:,.2f}</text></svg>'
        f"<p>{_time(times[0])} to {_time(times[-1])}</p>"
    )
