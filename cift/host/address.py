"""The address that a request comes from: rate limits count by it, and the audit log records it."""

import ipaddress
from collections.abc import Mapping

CLIENT = b"x-cift-client"
"""Set by our gateway on every request. It overwrites a value sent by the caller
(charts/cift/templates/_gateway.tpl)."""


def address_of(headers: Mapping[bytes, bytes], peer: str | None, *, behind_gateway: bool) -> str | None:
    """The caller's address: the peer's or, behind a gateway, the one in the header `x-cift-client`.

    Without a gateway the header is ignored. A header that holds no address is ignored too.
    """
    forwarded = headers.get(CLIENT) if behind_gateway else None
    if forwarded is None:
        return peer
    try:
        return str(ipaddress.ip_address(forwarded.decode("latin-1").strip()))
    except ValueError:
        return peer
