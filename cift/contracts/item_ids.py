"""Places of items within a command of the journal: with the command they are ids, such as `13471:3`.

An item has the same id in the streams and in the read model. `matchd/src/projection.rs` has the same numbers.
"""

PLACES_PER_EVENT = 8
MAKER_FILL = 1
TAKER_FILL = 3
TRADE = 4
