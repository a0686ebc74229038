"""Usernames that nobody may register: those of the operators of an exchange, and look-alikes of taken ones.

A username has ASCII letters, digits, `_`, `.` and `-` only, so characters of other scripts cannot imitate it,
and Unicode normalization (NFKC, PRECIS UsernameCaseMapped) changes nothing but its case. What is left are
the look-alikes within ASCII: `skeleton` follows Unicode's confusables.txt (UTS #39, section 4) for them, and
`username_skeleton` of the migration 0011 does the same in SQL.
"""

_WORDS = """
abuse administrator anonymous api billing cift compliance exchange helpdesk hostmaster info mod moderator
noreply null office operator owner postmaster root security server staff superuser support sysadmin
system team trust undefined webmaster
"""
RESERVED = frozenset(_WORDS.split())
RESERVED_STARTS = ("admin", "op-", "ta-", "cift-", "cift.", "cift_", "system-", "support-")
"""Beginnings: of operators' names, and of the users that resources of Kubernetes manage."""


def skeleton(username: str) -> str:
    """A text that is equal for usernames that look alike."""
    text = username.lower()
    for seen, meant in (("0", "o"), ("1", "l"), ("i", "l"), ("rn", "m"), ("vv", "w")):
        text = text.replace(seen, meant)
    return text


def is_reserved(username: str) -> bool:
    """Whether the name, or one that looks like it, belongs to the operators of the exchange."""
    found = skeleton(username)
    bare = found.replace("-", "").replace("_", "").replace(".", "")
    return bare in _RESERVED or found.startswith(_STARTS)


_RESERVED = frozenset(map(skeleton, RESERVED))
_STARTS = tuple(map(skeleton, RESERVED_STARTS))
