"""The market room: what makes the exchange live on one machine.

Two sources of life, chosen by `CIFT_MARKET`: a replay of a recorded day, told to the engine as an
outside market (`replay`), and seeded accounts that trade with each other (`agents`). The pure parts
(`quotes`, `timeline`, `agents`) decide; the drivers (`replay_driver`, `agent_driver`) wait, ask and send.
Nothing here is on the path of a user's order: when this room is silent for five seconds the engine
withdraws the outside quotes by itself.
"""
