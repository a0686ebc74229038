"""Serves functions: builds the ASGI app, delivers streams and timers, hosts one function or all.

provide.py  the parameter types that a function may name
call.py     an HTTP function's parameters and response, compiled once
app.py      the app of HTTP functions: routing, identity, limits, telemetry of every request
sockets.py  WebSocket functions: handshake, frames, limits, pings
openapi.py  /openapi.json, /docs, /redoc
address.py  the caller's address
errors.py   errors become responses, for callers and for relay
events.py   streams, timers and daemons in this process
push.py     an event function alone that relay posts to; plain.py is its small HTTP server
loading.py  finding the functions
serve.py    all functions under uvicorn
single.py   one HTTP function under functions-framework
__main__.py one function, of any kind (`CIFT_FUNCTION=… python -m cift.host`)
"""
