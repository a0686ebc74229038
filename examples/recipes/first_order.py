"""A first order.

Look at the quote, check what the order would need, place it, and read the fills. Amounts are exact:
`Decimal`.
"""

import sys

from cift_client import Client

symbol = sys.argv[1] if len(sys.argv) > 1 else "SPY"
with Client() as client:  # CIFT_URL and CIFT_API_KEY
    quote = client.market_data.get_quote(symbol)
    print(f"{symbol}: {quote.bid} to {quote.ask}")
    check = client.trading.check_risk(symbol=symbol, side="buy", type="market", quantity=1)
    print(f"would reserve {check.reserve} of {check.buying_power}")
    order = client.trading.place_order(symbol=symbol, side="buy", type="market", quantity=1)
    print(f"{order.status} at {order.average_fill_price}")
    for fill in client.trading.each_of_fills(order_id=order.id):
        print(f"{fill.quantity} at {fill.price}, fee {fill.fee}")
