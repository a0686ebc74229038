"""What the market and the accounts did, kept for analysis: archived in ClickHouse, asked as bars, ticks and
figures.

archive.py      messages of TICKS as columns of the store
executions.py   records of the journal as columns of the store
"""
