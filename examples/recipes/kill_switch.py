"""A kill switch: cancel all orders, then close all positions.

Both are changes with a key: they are sent again if a response is lost, and happen once. If the outcome is
unknown all the same, run it again: it closes what is still open.
"""

from cift_client import ApiError, Client, OutcomeUnknown

with Client() as client:
    print(f"canceled {client.trading.cancel_all().canceled} orders")
    for position in client.portfolio.list_positions().items:
        try:
            order = client.trading.close_position(position.symbol)
            print(f"closing {position.quantity} {position.symbol}: {order.status}")
        except OutcomeUnknown:
            print(f"{position.symbol} may be closing: run this again")
        except ApiError as refused:  # such as a halt
            print(f"{position.symbol} stays open: {refused}")
