"""The operator of CIFT Markets: reconciles the exchange with what Kubernetes resources declare.

`python -m operators` runs it; kopf watches the resources (see `operators/__main__.py`). There are two kinds,
`trading_account` and `market_stream`. In each, `plan.py` decides and does not await; `handlers.py` observes
and acts. Shared modules: `kube` (the API server), `work` (the work queue and its retries), `conditions`,
`events`, `settings`, `metrics`, `permissions`.

Everything is level-based: a watch event only names the resource to reconcile. `ensure()` reads the declared
and the actual state and takes the steps between them. Running it twice, in two operators, or again after a
crash halfway gives the same result.
"""
