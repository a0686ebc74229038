"""Functions of users, sessions and API keys."""
