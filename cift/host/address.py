"""From which address a request comes: rate limits count by it, the audit log names it."""

import ipaddress
from collections.abc import Mapping

CLIENT = b"x-cift-client"
"""Set by our gateway on every request, over what a caller put there (charts/cift/templates/_gateway.tpl)."""


def address_of(headers: Mapping[bytes, bytes], peer: str | None, *, behind_gateway: bool) -> str | None:
    """The caller's address: the peer's, or what the gateway says where one stands in front.

    A header that says no address is not believed; without a gateway none is.
    """
    told = headers.get(CLIENT) if behind_gateway else None
    if told is None:
        return peer
    try:
        return str(ipaddress.ip_address(told.decode("latin-1").strip()))
    except ValueError:
        return peer
