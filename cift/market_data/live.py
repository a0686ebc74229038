"""Current quotes and books, from the engine."""

from cift.contracts.market import BookView, QuotesView, QuoteView
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


async def quotes_of_known(symbols: list[str], engine: Engine) -> QuotesView:
    """Quotes of those `symbols` that are traded here, and the names of the others, in the order given.

    Raises:
        NotFound: `unknown_symbol`: none of them is traded here.
    """
    names = [symbol for symbol in symbols if rules.is_symbol(symbol)]
    try:
        answer = await engine.query({"quote": names}) if names else None
    except Refused as refused:
        if refused.code != "unknown_symbol":
            raise
        # The engine names only the first unknown symbol.
        traded = {each["symbol"] for each in (await engine.query({"instruments": {}}))["instruments"]}
        names = [symbol for symbol in names if symbol in traded]
        answer = await engine.query({"quote": names}) if names else None
    if answer is None:
        raise rules.unknown_symbol(symbols[0], "symbols")
    return QuotesView.model_construct(
        items=[rules.quote_view(quote, answer) for quote in answer["quotes"]],
        next_cursor=None,
        unknown_symbols=[symbol[: rules.NAMED_MAX] for symbol in symbols if symbol not in names],
    )


async def book(symbol: str, depth: int, engine: Engine) -> BookView:
    """The visible book. Raises NotFound: `unknown_symbol`."""
    name = rules.symbol_of(symbol)
    try:
        return rules.book_view(await engine.query({"book": {"symbol": name, "depth": depth}}))
    except Refused as refused:
        if refused.code == "unknown_symbol":
            raise rules.unknown_symbol(symbol) from None
        raise
