"""The Python client of a CIFT exchange.

    from cift_client import Client

    with Client(api_key="cift_…") as client:                   # CIFT_URL, else http://127.0.0.1:8000
        order = client.trading.place_order(symbol="SPY", side="buy", type="market", quantity=10)
        print(client.portfolio.get_portfolio().equity)

`AsyncClient` is the same for asyncio, and has the streams. docs/recipes.md has whole programs.

client.py       the two clients
models_gen.py   requests, responses and messages; operations_gen.py: the operations. Both are generated
calls.py        a request before it is sent, and its key
retry.py        when it is sent again, and what its outcome is (pure)
transport.py    HTTP
streams.py      live messages that reconnect; book.py: a book kept from them
frames.py       data frames of polars and pandas
"""

from cift_client.book import Book, Level
from cift_client.client import AsyncClient, Client
from cift_client.errors import ApiError, CiftError, NotReachable, OutcomeUnknown, UnexpectedAnswer
from cift_client.frames import to_pandas, to_polars
from cift_client.retry import Policy
from cift_client.streams import Stream

__version__ = "0.1.0"
__all__ = [
    "ApiError",
    "AsyncClient",
    "Book",
    "CiftError",
    "Client",
    "Level",
    "NotReachable",
    "OutcomeUnknown",
    "Policy",
    "Stream",
    "UnexpectedAnswer",
    "to_pandas",
    "to_polars",
]
