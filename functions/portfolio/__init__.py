"""Functions of an account's money and positions."""
