"""A bracket: an entry with both of its exits.

The exits wait until the entry is filled. Then the first one that fills cancels the other.
"""

import sys
from decimal import Decimal

from cift_client import Client
from cift_client.models_gen import StopLoss, TakeProfit

symbol = sys.argv[1] if len(sys.argv) > 1 else "SPY"
with Client() as client:
    price = client.market_data.get_quote(symbol).ask
    assert price is not None, "nobody sells"
    entry = client.trading.place_order(
        symbol=symbol,
        side="buy",
        type="limit",
        quantity=10,
        limit_price=price,
        time_in_force="gtc",
        order_class="bracket",
        take_profit=TakeProfit(limit_price=(price * Decimal("1.04")).quantize(Decimal("0.01"))),
        stop_loss=StopLoss(stop_price=(price * Decimal("0.98")).quantize(Decimal("0.01"))),
    )
    print(f"entry {entry.status}")
    for leg in entry.legs:
        found = client.trading.get_order(leg)
        print(f"exit: {found.type} {found.limit_price or found.stop_price}, {found.status}")
