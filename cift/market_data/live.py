"""Quotes and books as the engine has them now."""

from cift.contracts.market import BookView, QuoteView
from cift.kernel.errors import Refused
from cift.market_data import rules
from cift.platform.engine import Engine


async def quotes(symbols: list[str], engine: Engine) -> list[QuoteView]:
    """Quotes in the order of `symbols`. Raises NotFound: `unknown_symbol`, naming it."""
    names = [rules.symbol_of(symbol) for symbol in symbols]
    try:
        answer = await engine.query({"quote": names})
    except Refused as refused:
        if refused.code == "unknown_symbol":
            # The engine's message is the symbol that it does not know.
            raise rules.unknown_symbol(refused.message if refused.message in names else names[0]) from None
        raise
    return [rules.quote_view(quote, answer) for quote in answer["quotes"]]


async def book(symbol: str, depth: int, engine: Engine) -> BookView:
    """The visible book. Raises NotFound: `unknown_symbol`."""
    name = rules.symbol_of(symbol)
    try:
        return rules.book_view(await engine.query({"book": {"symbol": name, "depth": depth}}))
    except Refused as refused:
        if refused.code == "unknown_symbol":
            raise rules.unknown_symbol(symbol) from None
        raise
