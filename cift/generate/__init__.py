"""Writes the files derived from the functions' declarations: `python -m functions generate [--check]`.

needs.py     the stores that a function reaches, from its parameter types
chart.py     charts/cift/functions.gen.yaml, and the budget of database connections
skaffold.py  k8s/skaffold.gen.yaml
messages.py  cift/contracts/*_gen.py: types of the engine's messages, and limits, from cift_core
pages.py     functions/openapi.gen.json, and the tables in functions/README.md
asyncapi.py  functions/asyncapi.gen.json
client.py    clients/python/cift_client/*_gen.py, from both documents
recipes.py   docs/recipes.md, from examples/recipes
calendars.py cift/platform/calendars/*.gen.json
files.py     write all other files, or check that none would change

The files are committed, never edited by hand, and checked by `make lint`.
"""
