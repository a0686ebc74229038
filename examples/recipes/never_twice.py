"""An order that is never placed twice, whatever happens.

Choose the key before the first try, and store it with your decision. A program that was killed may send the
order again with the same key: the exchange returns the first result.
"""

import sys

from cift_client import Client, OutcomeUnknown

symbol, key = sys.argv[1:3]
with Client() as client:
    try:
        order = client.trading.place_order(
            symbol=symbol, side="buy", type="limit", quantity=1, limit_price=95, client_order_id=key
        )
    except OutcomeUnknown:  # the client has sent it several times, and no response came back
        found = client.trading.list_orders(client_order_id=key).items
        print("it was placed" if found else "it is not there yet: run this again with the same key")
        raise
    print(f"{order.client_order_id} is {order.id}, {order.status}")
