"""Identity: users, sessions, API keys. `rules.py` decides, `store.py` speaks SQL, `passwords.py` hashes,
`sessions.py`, `accounts.py` and `keys.py` put them together."""
