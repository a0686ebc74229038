"""Functions of analysis: what ticks, quotes and fills add up to."""
