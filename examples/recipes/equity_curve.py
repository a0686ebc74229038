"""The equity curve of your account.

Equity, profit and drawdown by interval, as a frame, and the figures of the account's performance.
"""

from cift_client import Client, to_polars

with Client() as client:
    history = client.portfolio.get_history(interval="1m")
    print(to_polars(history.items).select("start", "equity", "profit", "drawdown").tail(5))
    figures = client.portfolio.get_performance()
    print(f"profit {figures.profit}, return {figures.return_percent} %, drawdown {figures.max_drawdown}")
