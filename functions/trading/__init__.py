"""Functions of orders: placing, changing, cancelling, listing, and pre-trade risk checks."""
