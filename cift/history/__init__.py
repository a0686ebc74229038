"""Archived ticks, executions and books, and the bars, exports and analytics made from them.

archive.py                  messages of TICKS as blocks of the ClickHouse tables
questdb_ticks.py            the same ticks as frames of the QuestDB tables
executions.py, books.py     journal records and engine books as blocks of the ClickHouse tables
batches.py, load.py, replace.py   recorded ticks from files into TICKS, in place of what is stored
rebuild_bars.py             bars of ClickHouse from the ticks, after a correction
tick_store.py, clickhouse_store.py, questdb_store.py   reads of ticks and bars, one interface for both stores
requests.py, bars.py, tick_export.py   HTTP requests: pages of bars, streamed exports of ticks
analytics.py, indicators.py figures from ticks, quotes and fills: on request, and once per minute
"""
