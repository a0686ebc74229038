"""`make run`: the supervisor of an exchange on one machine.

__main__.py    the command: run, up, down, logs, key, shell, restore
background.py  up, down, logs
shells.py      shells of the stores
folder.py      the data folder: its lock, its format, its files
servers.py     how PostgreSQL, NATS, Valkey, matchd, the functions and the market are started and checked
supervisor.py  children: started in order, restarted, stopped in reverse order
privilege.py   a child between fork and exec: end with the supervisor, do not be root
restoring.py   a new data folder from a backup
welcome.py     the first user, the first API key, the printed text
"""
