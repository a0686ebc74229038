"""What the market and the accounts did, kept for analysis: archived in ClickHouse, asked as bars, ticks and
figures.

archive.py      messages of TICKS as columns of the store
batches.py, lean_load.py, files.py, load.py   recorded ticks from files, into TICKS
bars.py, ticks.py, asked.py   what HTTP asks: pages of bars, streams of ticks
questdb_ticks.py   the same ticks in QuestDB
analytics.py, indicators.py   what ticks, quotes and fills add up to, when asked and by the minute
executions.py   records of the journal as columns of the store
"""
