"""Who is behind an address: what is counted per caller is counted by this."""

import ipaddress
from functools import lru_cache

IPV6_PREFIX = 64


@lru_cache(maxsize=4_096)
def network_of(address: str | None) -> str:
    """The address itself, of IPv6 its first 64 bits: one subscriber has all addresses of that network.
    `unknown` where there is none."""
    if not address:
        return "unknown"
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(ipaddress.ip_network((found, IPV6_PREFIX), strict=False))
