"""The outside market: recorded days, live providers, and seeded agents, as input for the engine.

`CIFT_MARKET` selects it: `replay` (a recorded day), `alpaca` or `massive` (live providers), or `agents`
(seeded accounts that trade with each other). The first three are sources behind one interface
(`feed.py`). The pure modules (`quotes`, `timeline`, `pending_ticks`, `agents`) decide; the drivers
(`feed_driver`, `agent_driver`) do the I/O. Nothing here is on the path of a user's order. If a feed is
silent for five seconds, the engine withdraws its quotes by itself.
"""
