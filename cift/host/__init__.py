"""Serves functions: builds the ASGI app, brings streams and timers, hosts one function or all.

call.py     a function's parameters and answer, compiled once
app.py      the FastAPI app: routing, identity, limits, errors, telemetry of every request
openapi.py  /openapi.json, /docs, /redoc
events.py   streams, timers and daemons in this process
doors.py    finding the functions
serve.py    all functions under uvicorn
__main__.py one function under functions-framework (`CIFT_FUNCTION=… python -m cift.host`)
"""
