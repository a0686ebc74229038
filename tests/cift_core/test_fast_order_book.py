"""FastOrderBook against a simple reference book, and with invalid arguments."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from cift_core import FastOrderBook

Fill = tuple[int, float, float]


@dataclass
class Resting:
    id: int
    buys: bool
    price: int
    shown: int
    hidden: int
    display: int


class PlainBook:
    """The reference: price-time priority by searching a list at every step. Whole ticks and lots."""

    def __init__(self) -> None:
        self.orders: list[Resting] = []  # in time priority

    def best(self, buys: bool) -> int | None:
        prices = [order.price for order in self.orders if order.buys == buys]
        return (max(prices) if buys else min(prices)) if prices else None

    def crossing(self, buys: bool, limit: int | None) -> Iterator[Resting]:
        while (price := self.best(not buys)) is not None:
            if limit is not None and (price > limit if buys else price < limit):
                return
            yield next(order for order in self.orders if order.buys != buys and order.price == price)

    def add(self, id: int, buys: bool, limit: int | None, quantity: int, display: int = 0) -> list[Fill]:
        fills = []
        for maker in self.crossing(buys, limit):
            lots = min(quantity, maker.shown)
            fills.append((maker.id, maker.price / 100, float(lots)))
            quantity -= lots
            maker.shown -= lots
            if maker.shown == 0:
                self.orders.remove(maker)
                if maker.hidden:
                    maker.shown = min(maker.display, maker.hidden)
                    maker.hidden -= maker.shown
                    self.orders.append(maker)
            if quantity == 0:
                break
        if quantity and limit is not None:
            shown = min(display, quantity) if display else quantity
            self.orders.append(Resting(id, buys, limit, shown, quantity - shown, display))
        return fills

    def cancel(self, id: int) -> float:
        for order in self.orders:
            if order.id == id:
                self.orders.remove(order)
                return float(order.shown + order.hidden)
        return 0.0

    def modify(self, id: int, quantity: int, price: int) -> list[Fill]:
        order = next(order for order in self.orders if order.id == id)
        if price == order.price and quantity <= order.shown + order.hidden:
            order.shown, left = min(order.shown, quantity), quantity
            order.hidden = left - order.shown
            return []
        self.cancel(id)
        return self.add(id, order.buys, price, quantity)

    def depth(self, buys: bool) -> list[list[float]]:
        levels: dict[int, int] = {}
        for order in self.orders:
            if order.buys == buys:
                levels[order.price] = levels.get(order.price, 0) + order.shown
        return [[price / 100, float(levels[price])] for price in sorted(levels, reverse=buys)]


@pytest.mark.parametrize("seed", range(5))
def test_it_matches_as_the_reference_book(seed: int) -> None:
    dice = random.Random(seed)
    fast, plain = FastOrderBook("SPY"), PlainBook()
    fills = 0
    for id in range(3_000):
        side = dice.choice(["buy", "sell"])
        price, quantity = 10_000 + round(dice.gauss(0, 8)), dice.randint(1, 50)
        live = [order.id for order in plain.orders]
        match dice.random():
            case x if x < 0.55:
                display = dice.randint(1, quantity) if dice.random() < 0.2 else 0
                got = fast.add_limit(id, side, price / 100, quantity, display or None)  # type: ignore[arg-type]
                assert got == plain.add(id, side == "buy", price, quantity, display)
            case x if x < 0.65:
                got = fast.add_market(id, side, quantity)  # type: ignore[arg-type]
                assert got == plain.add(id, side == "buy", None, quantity)
            case x if x < 0.85:
                target = dice.choice([*live, -1])
                assert fast.cancel(target) == plain.cancel(target)
                continue
            case _ if live:
                target = dice.choice(live)
                got = fast.modify(target, quantity=quantity, price=price / 100)
                assert got == plain.modify(target, quantity, price)
            case _:
                continue
        fills += len(got)
        bids, asks = fast.depth(1_000)
        assert bids.tolist() == plain.depth(True) and asks.tolist() == plain.depth(False)
        assert len(fast) == len(plain.orders) and fast.trade_count == fills
    assert fills > 500


def columns(dice: random.Random, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    prices = np.array([round(100 + dice.gauss(0, 0.1), 2) for _ in range(count)])
    quantities = np.array([float(dice.randint(1, 100)) for _ in range(count)])
    sides = np.array([dice.choice([1, -1]) for _ in range(count)], dtype=np.int8)
    for index in range(0, count, 50):
        prices[index] = np.inf if sides[index] == 1 else -np.inf
    return prices, quantities, sides, np.arange(count, dtype=np.int64)


def test_a_batch_has_the_same_fills_as_its_orders_one_by_one() -> None:
    prices, quantities, sides, ids = columns(random.Random(7), 5_000)
    batch, single = FastOrderBook(), FastOrderBook()
    fills = batch.add_orders(prices, quantities, sides, ids)
    expected = []
    for price, quantity, side, id in zip(prices, quantities, sides, ids, strict=True):
        name = "buy" if side == 1 else "sell"
        if np.isinf(price):
            hits = single.add_market(int(id), name, quantity)  # type: ignore[arg-type]
        else:
            hits = single.add_limit(int(id), name, price, quantity)  # type: ignore[arg-type]
        expected += [(int(id), maker, price, quantity, int(side)) for maker, price, quantity in hits]
    assert fills.dtype.names == ("taker", "maker", "price", "quantity", "side")
    assert fills.tolist() == expected and len(expected) > 1_000
    for one, other in zip(batch.depth(10_000), single.depth(10_000), strict=True):
        np.testing.assert_array_equal(one, other)
    assert batch.trades(3).tolist() == expected[-3:]


def test_a_batch_with_an_invalid_order_adds_no_order() -> None:
    prices, quantities, sides, ids = columns(random.Random(1), 10)
    for column, wrong in [
        (prices, 100.005),
        (prices, np.nan),
        (quantities, 0.0),
        (quantities, -1.0),
        (sides, 0),
    ]:
        book, right = FastOrderBook(), column[7]
        column[7] = wrong
        with pytest.raises(ValueError, match="order 7: "):
            book.add_orders(prices, quantities, sides, ids)
        assert len(book) == 0 and book.trade_count == 0
        column[7] = right


def test_arrays_of_another_type_are_refused_and_not_converted() -> None:
    prices, quantities, sides, ids = columns(random.Random(1), 10)
    book = FastOrderBook()
    for wrong in [
        (prices.astype(np.float32), quantities, sides, ids),
        (prices[::2], quantities[:5], sides[:5], ids[:5]),
        (prices.reshape(2, 5), quantities, sides, ids),
        (prices, quantities, sides.astype(np.int64), ids),
        (prices, quantities, sides, ids.astype(np.int32)),
        (prices.astype(">f8"), quantities, sides, ids),
        (prices.tolist(), quantities, sides, ids),
    ]:
        with pytest.raises(TypeError, match=r"numpy\.ascontiguousarray"):
            book.add_orders(*wrong)
    with pytest.raises(ValueError, match="differ in length"):
        book.add_orders(prices, quantities, sides, ids[:9])
    prices.flags.writeable = False
    book.add_orders(prices, quantities, sides, ids)
    empty = book.add_orders(prices[:0], quantities[:0], sides[:0], ids[:0])
    assert len(empty) == 0 and empty.dtype.itemsize == 40


def test_an_id_rests_once_and_is_free_again_after_the_fill() -> None:
    book = FastOrderBook()
    book.add_limit(1, "buy", 10.0, 5.0)
    for again in (
        lambda: book.add_limit(1, "buy", 9.0, 5.0),
        lambda: book.add_market(1, "sell", 5.0),
        lambda: book.add_orders(
            np.array([9.0]), np.array([1.0]), np.array([1], dtype=np.int8), np.array([1])
        ),
    ):
        with pytest.raises(ValueError, match="order 1 already rests in the book"):
            again()
    assert 1 in book and 2 not in book and "1" not in book
    assert book.add_market(2, "sell", 5.0) == [(1, 10.0, 5.0)]
    book.add_limit(1, "sell", 11.0, 5.0)
    assert book.open_quantity(1) == 5.0
    assert book.cancel_orders(np.array([1, 5, 6])) == 1
    assert len(book) == 0


def test_best_prices_spread_mid_and_microprice() -> None:
    book = FastOrderBook("SPY", tick=0.25, lot=0.5)
    assert (book.best_bid, book.best_ask, book.spread, book.mid, book.microprice) == (None,) * 5
    book.add_limit(1, "buy", 10.0, 1.5)
    assert (book.best_bid, book.spread) == (10.0, None)
    book.add_limit(2, "sell", 10.75, 0.5)
    assert (book.best_ask, book.spread, book.mid) == (10.75, 0.75, 10.375)
    assert book.microprice == pytest.approx((10.0 * 0.5 + 10.75 * 1.5) / 2.0)
    assert book.level_at("buy", 10.0) == (1.5, 1) and book.level_at("sell", 10.0) == (0.0, 0)
    book.clear()
    assert book.best_bid is None and len(book) == 0


def test_prices_are_returned_as_the_same_decimals() -> None:
    book = FastOrderBook(tick=0.01)
    for cents in range(1, 20_000, 7):
        book.add_limit(cents, "buy", cents / 100, 1.0)
        assert book.best_bid == cents / 100


@pytest.mark.parametrize(
    ("price", "quantity"),
    [
        (10.001, 1.0),
        (float("nan"), 1.0),
        (float("inf"), 1.0),
        (1e300, 1.0),
        (10.0, 0.0),
        (10.0, -1.0),
        (10.0, 0.5),
    ],
)
def test_prices_and_quantities_off_the_grid_are_refused(price: float, quantity: float) -> None:
    book = FastOrderBook()
    with pytest.raises(ValueError):
        book.add_limit(1, "buy", price, quantity)
    assert len(book) == 0


def test_sides_have_two_names() -> None:
    book = FastOrderBook()
    with pytest.raises(ValueError, match='expected "buy" or "sell"'):
        book.add_limit(1, "bid", 10.0, 1.0)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        book.add_limit(1, 1, 10.0, 1.0)  # type: ignore[arg-type]


def test_modify_needs_a_resting_order_and_an_error_leaves_it_unchanged() -> None:
    book = FastOrderBook()
    with pytest.raises(KeyError):
        book.modify(1, quantity=1.0)
    book.add_limit(1, "buy", 10.0, 5.0)
    with pytest.raises(ValueError):
        book.modify(1, quantity=0.0)
    with pytest.raises(ValueError):
        book.modify(1, price=10.005)
    assert book.open_quantity(1) == 5.0
    assert book.modify(1) == []


def test_history_is_bounded() -> None:
    book = FastOrderBook(history=3)
    for id in range(5):
        book.add_limit(id, "sell", 10.0, 1.0)
    assert len(book.add_market(9, "buy", 5.0)) == 5
    assert book.trades()["maker"].tolist() == [2, 3, 4]
    assert book.trade_count == 5
    assert len(FastOrderBook(history=0).trades()) == 0


@pytest.mark.parametrize("wrong", [{"tick": 0.0}, {"tick": float("nan")}, {"lot": -1.0}, {"history": 2**40}])
def test_a_book_with_invalid_steps_or_history_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError):
        FastOrderBook("SPY", **wrong)  # type: ignore[arg-type]
