"""A small file of each named format is recognised without options and read exactly, compressed or not."""

import bz2
import gzip
import io
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from backports import zstd

from cift.kernel.clock import parse_rfc3339
from cift.recordings import find, formats
from cift.recordings.problem import Unreadable
from cift.recordings.reader import Ticks
from cift.recordings.recognise import Options
from tests.recordings.files import SAMPLES, Row, Sample

AMOUNTS = {
    "trade": ("price", "quantity"),
    "quote": ("bid", "bid_quantity", "ask", "ask_quantity"),
    "bar": ("open", "high", "low", "close", "volume"),
}


def read(path: Path, options: Options = Options()) -> list[Ticks]:  # noqa: B008
    return [ticks for reading in find.readings([path], options) for ticks in reading.batches()]


def rows_of(batches: list[Ticks], kind: str) -> list[Row]:
    """The ticks of a kind, in the form of `Sample.rows`, but with exact numbers."""
    found: list[Row] = []
    for ticks in batches:
        if ticks.kind == kind:
            for row in ticks.frame.iter_rows(named=True):
                amounts = [Decimal(row[name]).scaleb(-9) for name in AMOUNTS[kind]]
                seconds = [row["seconds"]] if kind == "bar" else []
                side = [row["side"]] if kind == "trade" else []
                found.append((row["symbol"], row["at"], *seconds, *amounts, *side))
    return found


def expected(sample: Sample) -> list[Row]:
    found: list[Row] = []
    for symbol, at, *rest in sample.rows:
        numbers = [Decimal(each) if isinstance(each, str) else each for each in rest]
        found.append((symbol, parse_rfc3339(str(at)), *numbers))
    return found


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: f"{sample.format}:{sample.name[:12]}")
def test_a_file_of_each_format_is_recognised_and_read_exactly(sample: Sample, tmp_path: Path) -> None:
    path = tmp_path / sample.name
    path.write_text(sample.text)
    (reading,) = find.readings([path], Options())
    batches = list(reading.batches())
    assert reading.notes()[0] == sample.format
    assert rows_of(batches, sample.kind) == expected(sample)


def test_a_new_format_needs_a_sample() -> None:
    # Binary, or in folders: `test_nautilus_catalogue_files_are_read`, `test_leans_bars_are_read`.
    others = {"nautilus-trades", "nautilus-quotes", "nautilus-bars", "lean-bars"}
    assert {each.format for each in SAMPLES} == set(formats.NAMES) - others


COMPRESSORS = {
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".zst": zstd.compress,
    ".zip": lambda data: _zip(data),
}


def _zip(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("BTCUSDT-trades-2024-01-02.csv", data)
    return out.getvalue()


@pytest.mark.parametrize("ending", COMPRESSORS)
def test_compressed_files_are_read_like_others(ending: str, tmp_path: Path) -> None:
    sample = SAMPLES[0]
    path = tmp_path / (sample.name + ending)
    path.write_bytes(COMPRESSORS[ending](sample.text.encode()))
    assert rows_of(read(path), "trade") == expected(sample)


CSV = (
    "Timestamp,Symbol,Price,Size,Side\n"
    "2024-01-02T14:30:00.5Z,spy,13.9,5,Buy\n\n2024-01-02T14:30:01Z,spy,14,6,\n"
)
CSV_ROWS = [("SPY", 1704205800500000000, Decimal("13.9"), 5, 1), ("SPY", 1704205801000000000, 14, 6, 0)]


@pytest.mark.parametrize(
    "data",
    [
        CSV.encode(),
        CSV.upper().encode(),
        b"\xef\xbb\xbf" + CSV.encode(),
        CSV.encode("utf-16"),
        CSV.encode("utf-16-le"),
        CSV.replace("\n", "\r\n").encode(),
        b"\n\n" + CSV.encode(),
        CSV.replace(",", ";").encode(),
        CSV.replace(",", "\t").encode(),
        CSV.replace(",", ";").replace("13.9", "13,9").encode(),
        CSV.rstrip().encode(),
    ],
    ids=[
        "plain",
        "capitals",
        "bom",
        "utf-16",
        "utf-16 bare",
        "crlf",
        "blank lines",
        ";",
        "tab",
        "comma",
        "no end",
    ],
)
def test_text_of_any_encoding_and_separator_is_read(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_bytes(data)
    assert rows_of(read(path), "trade") == CSV_ROWS


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "datetime", "date text", "rfc"])
def test_times_of_any_unit_are_recognised_by_magnitude(unit: str, tmp_path: Path) -> None:
    at_s = 1_715_004_000  # 2024-05-06T14:00:00Z
    scale = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}.get(unit)
    text = (
        str(at_s * scale)
        if scale
        else {"date text": "20240506 140000"}.get(unit, "2024-05-06 16:00:00+02:00")
    )
    frame = pl.DataFrame({"time": [text], "symbol": ["ABC"], "price": ["1"], "size": ["2"]})
    frame.write_csv(tmp_path / "a.csv")
    times = pl.Series([at_s * scale]) if scale else pl.Series([at_s * 10**6]).cast(pl.Datetime("us", "UTC"))
    frame.with_columns(time=times).write_parquet(tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        ((_, at, price, *_),) = rows_of(read(tmp_path / name), "trade")
        assert (at, price) == (at_s * 10**9, 1)


def test_numbers_of_floats_keep_their_shortest_text(tmp_path: Path) -> None:
    frame = pl.DataFrame({"at": [1_715_004_000] * 2, "price": [13.9, 1e-05], "size": [0.1 + 0.2, 3.0]})
    for kind in (pl.Float32, pl.Float64):
        frame.with_columns(pl.col("price", "size").cast(kind)).write_parquet(tmp_path / "abc.parquet")
        (_, _, first, size, _), (_, _, second, *_) = rows_of(read(tmp_path / "abc.parquet"), "trade")
        assert (first, second) == (Decimal("13.9"), Decimal("0.00001"))
        assert size == Decimal("0.3")


def test_a_row_with_trade_and_quote_gives_both(tmp_path: Path) -> None:
    path = tmp_path / "abc.csv"
    path.write_text(
        "at,price,size,bid,bid_size,ask,ask_size\n1715004000,10,1,9,2,11,3\n1715004001,,,9,2,11,3\n"
    )
    batches = read(path)
    assert len(rows_of(batches, "trade")) == 1
    assert len(rows_of(batches, "quote")) == 2


REFUSED = [
    ("at,price,size\n03/08/2024,1,1\n", ["row 2", "at", "03/08/2024", "--unit dmy"]),
    ("at,price,size\n20240803,1,1\n1715004000,1,1\n", ["row 3", "1715004000"]),
    ("at,price,size\n1715004000,1,1\n1715004000000,1,1\n", ["row 3", "1715004000000", "--unit"]),
    ("at,price,size\n123,1,1\n", ["row 2", "123", "--unit"]),
    ("at,price,size\nsoon,1,1\n", ["row 2", "soon", "is not a time"]),
    ("at,price,size\n1715004000,-1,1\n", ["row 2", "price", "-1", "--skip-invalid"]),
    ("at,price,size\n1715004000,1,0\n", ["row 2", "size", "'0'"]),
    ("at,price,size\n\n1715004000,1,\n", ["row 3", "size", "is empty"]),
    ("at,price,size\n1715004000,1.0000000001,1\n", ["row 2", "1.0000000001", "nine decimals"]),
    ("at,price,size\n1715004000,99999999999,1\n", ["row 2", "too large"]),
    ("at,price,size\n1715004000,abc,1\n", ["row 2", "abc", "not a number"]),
    ("at,price,size,side\n1715004000,1,1,up\n", ["row 2", "side", "up", "buy or sell"]),
    ("at,price,size\n1715004000,1,1,9\n", ["row 2", "4 fields", "3 columns"]),
    ("at,price,size\n2024-02-30T00:00:00Z,1,1\n", ["row 2", "2024-02-30", "not a day"]),
    ("at,price,size,symbol\n1715004000,1,1,BINANCE:BTC\n", ["row 2", "BINANCE:BTC", "--symbol"]),
    ("when,price\n1,2\n", ["no column at", "when, price", "--map"]),
    ("at,price\n1715004000,2\n", ["neither price and quantity", "--map"]),
    ("1715004000,2,3,4\n", ["no header", "--map at=1"]),
    ("at,open,high,low,close\n1715004000,5,4,3,4\n", ["row 2", "high", "below"]),
    ("at;price;size\n", ["no rows"]),
    ("just text\n", ["one column"]),
]


@pytest.mark.parametrize(("text", "words"), REFUSED, ids=[each[0][-24:] for each in REFUSED])
def test_doubtful_input_is_refused_with_row_column_value_and_cure(
    text: str, words: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "abc.csv"
    path.write_text(text)
    with pytest.raises(Unreadable) as refused:
        read(path)
    message = str(refused.value)
    assert "\n" not in message and str(path) in message
    for word in words:
        assert word in message, message


def test_damaged_and_foreign_files_are_refused_in_one_line(tmp_path: Path) -> None:
    whole = gzip.compress(CSV.encode() * 1000)
    for name, data in {
        "cut.csv.gz": whole[: len(whole) // 2],
        "cut.zip": _zip(CSV.encode() * 1000)[:300],
        "cut.parquet": b"PAR1" + b"x" * 100,
        "binary.csv": bytes(range(256)) * 10,
        "latin.csv": "at,price,size\n1715004000,1,1 \xe9\n".encode("latin-1"),
        "empty.csv": b"",
        "odd.json": b'{"a": 1}',
        "cut.json": b'[{"a": 1},',
    }.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(Unreadable) as refused:
            read(tmp_path / name)
        assert "\n" not in str(refused.value) and name in str(refused.value)


def test_options_override_what_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "odd.csv"
    path.write_text("when;last;qty;note\n03/08/2024 10:00:00;5;7;x\n")
    options = Options(
        unit="mdy",
        zone="America/New_York",
        symbol="abc",
        columns={"at": "when", "price": "3", "quantity": "last"},
    )
    ((symbol, at, price, quantity, _),) = rows_of(read(path, options), "trade")
    assert (symbol, price, quantity) == ("ABC", 7, 5)
    assert at == parse_rfc3339("2024-03-08T15:00:00Z")
    path.write_text("1,2,1715004000\n")
    options = Options(symbol="A", columns={"price": "1", "quantity": "2", "at": "3"})
    assert rows_of(read(path, options), "trade") == [("A", 1715004000 * 10**9, 1, 2, 0)]
    path.write_text("at,price,size\n1715004000,1,1\n1715004001,-1,1\n")
    (reading,) = find.readings([path], Options(symbol="A", skip_invalid=True))
    assert sum(ticks.frame.height for ticks in reading.batches()) == 1 and reading.skipped == 1


def test_local_times_follow_the_zones_clock_changes(tmp_path: Path) -> None:
    path = tmp_path / "abc.csv"
    path.write_text("at,price,size\n2024-03-08 09:30:00,1,1\n2024-03-11 09:30:00,1,1\n")
    rows = rows_of(read(path, Options(zone="America/New_York")), "trade")
    assert [row[1] for row in rows] == [
        parse_rfc3339(at) for at in ("2024-03-08T14:30:00Z", "2024-03-11T13:30:00Z")
    ]
    path.write_text("at,price,size\n2024-11-03 01:30:00,1,1\n")
    with pytest.raises(Unreadable, match="occurs twice"):
        read(path, Options(zone="America/New_York"))


@pytest.mark.parametrize("width", [8, 16])
def test_nautilus_catalogue_files_are_read(width: int, tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    places = {8: 9, 16: 16}[width]
    amounts = [
        int(Decimal(text).scaleb(places)).to_bytes(width, "little", signed=True)
        for text in ("44180.55", "0.000113")
    ]
    binary = pyarrow.binary(width)
    table = pyarrow.table(
        {
            "price": pyarrow.array(amounts[:1], binary),
            "size": pyarrow.array(amounts[1:], binary),
            "aggressor_side": pyarrow.array([2], pyarrow.uint8()),
            "trade_id": ["77"],
            "ts_event": pyarrow.array([1704153600000000123], pyarrow.uint64()),
            "ts_init": pyarrow.array([1704153600000000123], pyarrow.uint64()),
        }
    ).replace_schema_metadata({"instrument_id": "BTCUSDT.BINANCE", "price_precision": "2"})
    pyarrow.parquet.write_table(table, tmp_path / "part-0.parquet")
    rows = rows_of(read(tmp_path / "part-0.parquet"), "trade")
    assert rows == [("BTCUSDT", 1704153600000000123, Decimal("44180.55"), Decimal("0.000113"), -1)]

    def column(text: str) -> pyarrow.Array:
        amount = int(Decimal(text).scaleb(places)).to_bytes(width, "little", signed=True)
        return pyarrow.array([amount], binary)

    def written(metadata: dict[str, str], **columns: str) -> Path:
        times = pyarrow.array([1704153660000000000], pyarrow.uint64())
        found = {name: column(text) for name, text in columns.items()} | {"ts_event": times, "ts_init": times}
        path = tmp_path / f"{len(columns)}.parquet"
        pyarrow.parquet.write_table(pyarrow.table(found).replace_schema_metadata(metadata), path)
        return path

    quotes = written(
        {"instrument_id": "BTCUSDT.BINANCE"},
        bid_price="44180.5",
        ask_price="44180.6",
        bid_size="2",
        ask_size="0.5",
    )
    amounts_of_quote = [Decimal(text) for text in ("44180.5", "2", "44180.6", "0.5")]
    assert rows_of(read(quotes), "quote") == [("BTCUSDT", 1704153660000000000, *amounts_of_quote)]
    prices = ("44180.5", "44190", "44170", "44185.5", "12.5")
    names = ("open", "high", "low", "close", "volume")
    bars = written(
        {"bar_type": "BTCUSDT.BINANCE-1-MINUTE-LAST-EXTERNAL"}, **dict(zip(names, prices, strict=True))
    )
    (bar,) = rows_of(read(bars), "bar")
    assert bar[0] == "BTCUSDT" and bar[2:] == (60, *map(Decimal, prices))


@pytest.mark.parametrize(
    ("path", "row", "bar"),
    [
        (
            "equity/usa/minute/ibm/20131007_trade.zip",
            "34200000,1818500,1820000,1818400,1819000,1200",
            ("IBM", "2013-10-07T13:30:00Z", 60, "181.85", "182", "181.84", "181.9", "1200"),
        ),
        (
            "equity/usa/daily/ibm.zip",
            "20131007 00:00,1818500,1820000,1818400,1819000,1200",
            ("IBM", "2013-10-07T04:00:00Z", 86_400, "181.85", "182", "181.84", "181.9", "1200"),
        ),
        (
            "crypto/coinbase/minute/btcusd/20180404_trade.zip",
            "60000,7420,7422,7405,7405,13.35069752",
            ("BTCUSD", "2018-04-04T00:01:00Z", 60, "7420", "7422", "7405", "7405", "13.35069752"),
        ),
    ],
)
def test_leans_bars_are_read(path: str, row: str, bar: Row, tmp_path: Path) -> None:
    file = tmp_path / path
    file.parent.mkdir(parents=True)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("rows.csv", row + "\n")
    assert rows_of(read(file), "bar") == expected(Sample("", "", "bar", "", [bar]))


def test_a_file_larger_than_a_block_is_read_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cift.recordings import container

    monkeypatch.setattr(container.blocks, "__defaults__", (4_096,))
    path = tmp_path / "abc.csv"
    lines = [f"{1715004000 + n},{n + 1},1" for n in range(5_000)]
    path.write_text("\n".join(["at,price,size", *lines]))
    batches = read(path)
    assert len(batches) > 10
    prices = [row[2] for row in rows_of(batches, "trade")]
    assert prices == list(range(1, 5_001))
    path.write_text("\n".join(["at,price,size", *lines[:4_000], "1715009000,x,1"]))
    with pytest.raises(Unreadable, match="row 4002"):
        read(path)


def test_databentos_binary_form_is_read_like_its_csv(tmp_path: Path) -> None:
    import databento_dbn as dbn

    interval = SimpleNamespace(start_date=date(2024, 1, 2), end_date=date(2024, 1, 3), symbol="38")
    metadata = dbn.Metadata(
        dataset="XNAS.ITCH",
        start=0,
        stype_in=dbn.SType.RAW_SYMBOL,
        stype_out=dbn.SType.INSTRUMENT_ID,
        schema=dbn.Schema.TRADES,
        mappings=[SimpleNamespace(raw_symbol="AAPL", intervals=[interval])],
    )
    record = dbn.TradeMsg(
        publisher_id=2,
        instrument_id=38,
        ts_event=1704205800000123456,
        price=187_150_000_000,
        size=100,
        action=dbn.Action.TRADE,
        side=dbn.Side.ASK,
        depth=0,
        ts_recv=1704205800000165432,
    )
    data = metadata.encode() + bytes(record)
    for name, content in (("a.dbn", data), ("a.dbn.zst", zstd.compress(data))):
        (tmp_path / name).write_bytes(content)
        rows = rows_of(read(tmp_path / name), "trade")
        assert rows == [("AAPL", 1704205800000123456, Decimal("187.15"), 100, -1)]
