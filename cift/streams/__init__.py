"""Live streams of market data and account events, to any number of clients, over WebSocket and SSE.

messages.py     the types of all messages, both ways
rules.py        client messages and their limits (pure)
views.py        items of updates as clients get them, serialized once for all clients (pure)
book.py         a book kept from a snapshot and deltas, and its checksum (pure)
updates.py      the stream UPDATES, read back: missed messages
orders.py       the terms of an account's orders
channels.py     one channel of one symbol or account: its state and its subscribers
hub.py          one bus subscription, shared by all clients
catch_up.py     a client's subscriptions, and the messages that it missed
subscriber.py   one client's messages: paused, coalesced or ended when the client is slow
credentials.py  credentials of open connections: an expired or revoked one ends its connections
socket_transport.py   what all transports over a WebSocket share
session.py      the protocol over a WebSocket
sse.py          the same streams as Server-Sent Events
"""
