"""Functions of identity: users, sessions, API keys."""
