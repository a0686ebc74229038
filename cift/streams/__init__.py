"""Live streams of market data and account events, to any number of clients, over WebSocket and SSE.

rules.py        client messages and their limits (pure)
views.py        messages of the bus as clients get them, serialized once for all clients (pure)
book.py         a book kept from a snapshot and deltas, and its checksum (pure)
bars.py         bars from trades (pure)
replay.py       missed messages, from JetStream
channels.py     one channel of one symbol or account: its state and its subscribers
hub.py          one bus subscription per symbol or account, shared by all clients
subscriber.py   one client's messages: held, coalesced or ended when the client is slow
credentials.py  credentials of open connections: an expired or revoked one ends its connections
session.py      the protocol over a WebSocket
sse.py          the same streams as Server-Sent Events
"""
