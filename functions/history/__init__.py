"""Functions of market history: archive, bars, ticks and analytics."""
