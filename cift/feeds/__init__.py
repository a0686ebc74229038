"""The market room: what makes the exchange live on one machine.

What `CIFT_MARKET` chooses: an outside market that is told to the engine (a recorded day, `replay`, or a
live one, `alpaca` and `massive`, all behind the port of `feed`), or seeded accounts that trade with each
other (`agents`). The pure parts (`quotes`, `timeline`, `gathering`, `agents`) decide; the drivers
(`feed_driver`, `agent_driver`) wait, ask and send.
Nothing here is on the path of a user's order: when this room is silent for five seconds the engine
withdraws the outside quotes by itself.
"""
