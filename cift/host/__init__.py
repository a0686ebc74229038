"""Serves functions: builds the ASGI app, brings streams and timers, hosts one function or all.

provide.py  what a function may ask for by type
call.py     an HTTP function's parameters and answer, compiled once
app.py      the app of HTTP functions: routing, identity, limits, telemetry of every request
sockets.py  WebSocket functions: handshake, frames, limits, the pulse of connections
openapi.py  /openapi.json, /docs, /redoc
address.py  whose request it is
errors.py   errors become answers, for callers and for relay
events.py   streams, timers and daemons in this process
push.py     an event function alone that relay posts to; plain.py is its small HTTP server
functions.py    finding the functions
serve.py    all functions under uvicorn
single.py   one HTTP function under functions-framework
__main__.py one function, of any kind (`CIFT_FUNCTION=… python -m cift.host`)
"""
