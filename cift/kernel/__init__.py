"""Ids, money, time and errors, which every other package uses. No I/O, standard library only."""
