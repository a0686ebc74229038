"""A kill switch: cancel all orders, then close all positions.

Both are changes with a key: they are sent again until their outcome is known, and happen once.
"""

from cift_client import ApiError, Client

with Client() as client:
    print(f"canceled {client.trading.cancel_all().canceled} orders")
    for position in client.portfolio.list_positions().items:
        try:
            order = client.trading.close_position(position.symbol)
            print(f"closing {position.quantity} {position.symbol}: {order.status}")
        except ApiError as refused:  # such as a halt
            print(f"{position.symbol} stays open: {refused}")
