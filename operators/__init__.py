"""The operator of CIFT Markets: makes true at the exchange what resources of Kubernetes declare.

`python -m operators` runs it (kopf watches; see `operators/__main__.py`). `trading_account` and
`market_stream` are the two kinds; in each, `plan.py` decides and does not await, `handlers.py` observes
and acts. What both need: `kube` (the API server), `work` (what is to be looked at, and how often),
`conditions`, `events`, `settings`, `metrics`, `permissions`.

Everything is level-based: an event only says which resource to look at. `ensure()` reads what is
declared and what is, and takes the steps between them. Doing it twice, by two operators, or again after
a crash in the middle, gives the same.
"""
