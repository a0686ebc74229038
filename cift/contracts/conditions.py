"""Sale conditions of the US tapes: their bits, as QuantConnect Lean numbers them and the tick stores keep
them, and whether a print with them shows the current price. Pure.

Sources: the conditions of CTA and UTP and their effect on the last price, as listed by Massive
(`GET /v3/reference/conditions`), and Lean's flags. A condition without a flag in Lean has no bit.

Odd lots count as prints of the current price, although the tapes do not let them set the last price: they
took visible liquidity. So do acquisitions, crosses and bunched trades.
"""

from __future__ import annotations

from collections.abc import Iterable

_REGULAR, _CASH, _NEXT_DAY, _SELLER = 0x1, 0x2, 0x4, 0x8
_INTERMARKET_SWEEP, _OPENING, _CLOSING, _REOPENING = 0x20, 0x40, 0x80, 0x100
_DERIVATIVELY_PRICED, _FORM_T, _SOLD_LATE = 0x200, 0x400, 0x800
_EXTENDED_HOURS, OUT_OF_SEQUENCE = 0x2000, 0x4000
_AVERAGE_PRICE, _OFFICIAL_CLOSE, _PRIOR_REFERENCE, _OFFICIAL_OPEN = (
    0x10_0000,
    0x100_0000,
    0x200_0000,
    0x400_0000,
)

NOT_LAST_SALE = (
    _DERIVATIVELY_PRICED
    | _FORM_T
    | _SOLD_LATE
    | _EXTENDED_HOURS
    | OUT_OF_SEQUENCE
    | _AVERAGE_PRICE
    | _OFFICIAL_CLOSE
    | _PRIOR_REFERENCE
    | _OFFICIAL_OPEN
)
"""Conditions of prints that do not show the current price: they are late, averaged, priced by another
market, or repeat the volume of an auction."""

LETTERS = {
    "@": _REGULAR, " ": _REGULAR, "C": _CASH, "N": _NEXT_DAY, "R": _SELLER, "F": _INTERMARKET_SWEEP,
    "O": _OPENING, "5": _REOPENING, "6": _CLOSING, "4": _DERIVATIVELY_PRICED, "T": _FORM_T,
    "L": _SOLD_LATE, "U": _EXTENDED_HOURS | OUT_OF_SEQUENCE, "Z": OUT_OF_SEQUENCE, "M": _OFFICIAL_CLOSE,
    "P": _PRIOR_REFERENCE, "Q": _OFFICIAL_OPEN, "W": _AVERAGE_PRICE,
}  # fmt: skip
"""The letters of the tapes. `B` is an average price on tapes A and B, and a bunched trade on C."""
NO_LAST_SALE_LETTERS = frozenset("CGHLMNPQRTUVWZ479")
"""G bunched and sold, H price variation, V contingent, 7 qualified contingent, 9 corrected close."""

NUMBERS = {
    0: _REGULAR, 2: _AVERAGE_PRICE, 7: _CASH, 8: _CLOSING, 10: _DERIVATIVELY_PRICED, 12: _FORM_T,
    13: _EXTENDED_HOURS | OUT_OF_SEQUENCE, 14: _INTERMARKET_SWEEP, 15: _OFFICIAL_CLOSE,
    16: _OFFICIAL_OPEN, 17: _OPENING, 20: _NEXT_DAY, 22: _PRIOR_REFERENCE, 25: _OPENING,
    28: _REOPENING, 29: _SELLER, 30: _SOLD_LATE, 32: OUT_OF_SEQUENCE,
}  # fmt: skip
"""The numbers of Massive."""
NO_LAST_SALE_NUMBERS = frozenset((2, 5, 7, 10, 12, 13, 15, 16, 20, 21, 22, 29, 30, 32, 38, 52, 53))


def of_letters(letters: Iterable[str], tape: str) -> tuple[int, bool]:
    """The bits, and whether the print shows the current price."""
    bits, is_current = 0, True
    for letter in letters:
        if letter == "B" and tape in ("A", "B"):
            letter = "W"
        bits |= LETTERS.get(letter, 0)
        is_current = is_current and letter not in NO_LAST_SALE_LETTERS
    return bits, is_current


def of_numbers(numbers: Iterable[int]) -> tuple[int, bool]:
    """The same, for Massive's numbers."""
    bits, is_current = 0, True
    for number in numbers:
        bits |= NUMBERS.get(number, 0)
        is_current = is_current and number not in NO_LAST_SALE_NUMBERS
    return bits, is_current
