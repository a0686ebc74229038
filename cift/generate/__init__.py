"""Writes what is derived from the functions' declarations: `python -m functions generate [--check]`.

needs.py     which stores a function reaches, from the types it asks for
chart.py     charts/cift/functions.gen.yaml, and the budget of database connections
skaffold.py  k8s/skaffold.gen.yaml
pages.py     functions/openapi.gen.json, and the catalogue in functions/README.md
files.py     write all, or check that nothing would change

The files are committed, never edited, and checked by `make lint`.
"""
