"""Halt and resume trading. A halt is a command in the journal."""

from cift.contracts.admin import TradingHalt
from cift.platform.engine import Engine


async def set_halt(symbol: str, engine: Engine, *, halted: bool) -> TradingHalt:
    """Halt or resume trading in a symbol. Idempotent. Raises Refused `unknown_symbol`."""
    symbol = symbol.upper()
    if halted:
        await engine.submit({"type": "halt", "symbol": symbol})
    else:
        await engine.submit({"type": "resume", "symbol": symbol})
    return TradingHalt(symbol=symbol, halted=halted)
