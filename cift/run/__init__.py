"""`make run`: the supervisor of an exchange on one machine.

__main__.py    the command: run, up, down, logs, key, shell, restore
background.py  up, down, logs
shells.py      shells of the stores
folder.py      the data folder: its lock, its completeness, where things lie
servers.py     how PostgreSQL, NATS, Valkey, matchd, the functions and the market are started and asked
supervisor.py  children: started in order, kept alive, stopped in reverse
privilege.py   what a child does between fork and exec: die with the supervisor, not be root
welcome.py     the first user, the first API key, what is printed
"""
