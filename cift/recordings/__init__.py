"""Recorded market data: one reader for the replay (`cift.feeds`) and for loading (`cift.history`).

find.py                  the tables in files and folders
container.py, table.py   packed files and encodings; CSV, JSON, Parquet and DBN as batches of raw rows
formats/                 the named formats, each declared with its columns, units and words
reader.py, values.py     raw rows as exact ticks and bars; refusals with row, column, value and remedy
numbering.py             the identity of ticks; bars as trades
lean.py                  the tick files of QuantConnect Lean
"""
