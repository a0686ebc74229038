"""Ids, money, time and errors: pure words that every other part uses. No I/O, nothing foreign."""
