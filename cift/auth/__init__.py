"""Identity: users, sessions, API keys.

`rules.py` decides, `store.py` holds the SQL, `passwords.py` hashes. `sessions.py`, `accounts.py` and
`keys.py` combine them."""
