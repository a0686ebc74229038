"""Live streams: what the market and an account do, to any number of clients, over WebSocket and SSE.

rules.py     what a client may say, and the limits (pure)
views.py     a message of the bus as a client sees it, made into bytes once for all clients (pure)
book.py      a book kept from snapshot and deltas, and its checksum (pure)
bars.py      trades into bars (pure)
replay.py    what was missed, from JetStream
channels.py  one channel of one symbol: its state, its listeners
hub.py       one subscription of the bus a symbol, however many listen
reader.py    one client's share: held, coalesced or cut off when it is slow
guests.py    credentials of open connections: expired or revoked ones end them
session.py   a conversation over a WebSocket
sse.py       the same as Server-Sent Events
"""
