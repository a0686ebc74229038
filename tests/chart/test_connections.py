"""The parser of the kernel's socket tables (/proc/net/tcp)."""

from tests.cluster.connections import Connection, Socket, of_pods, parse

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
IPV4 = (
    HEAD
    + "   0: 00000000:107E 00000000:0000 0A 00000000:00000000 00:00000000 00000000 65532 0 1\n"
    + "   1: 0502F40A:107E 0700F40A:9C40 01 00000000:00000000 00:00000000 00000000 65532 0 2\n"
    + "   2: 0502F40A:9C41 0101F30A:192B 01 00000000:00000000 00:00000000 00000000 65532 0 3\n"
)
IPV6 = (
    HEAD
    + "   0: 0000000000000000FFFF00000502F40A:1F90 0000000000000000FFFF00000700F40A:A000 06 0:0 0:0 0 0 0 1\n"
    + "   1: 00000000000000000000000001000000:1F90 00000000000000000000000001000000:A001 01 0:0 0:0 0 0 0 1\n"
)


def test_addresses_and_ports_are_parsed() -> None:
    listening, served, gone = parse(IPV4)
    assert listening == Socket("0.0.0.0", 4222, "0.0.0.0", 0, "0A")  # noqa: S104 (read, not bound)
    assert served == Socket("10.244.2.5", 4222, "10.244.0.7", 40000, "01")
    assert gone.remote == "10.243.1.1" and gone.remote_port == 6443
    mapped, loopback = parse(IPV6)
    assert (mapped.local, mapped.local_port, mapped.remote) == ("10.244.2.5", 8080, "10.244.0.7")
    assert loopback.local == "::1"


def test_a_connection_is_listed_once_by_its_listening_end() -> None:
    """A connection to an address outside the pods is listed by its client end. Loopback is omitted."""
    client = parse(HEAD + "   0: 0700F40A:9C40 0502F40A:107E 01 0:0 0:0 0 0 0 1\n")
    tables = {"10.244.2.5": parse(IPV4) + parse(IPV6), "10.244.0.7": client}
    assert of_pods(tables) == {
        Connection("10.244.0.7", "10.244.2.5", 4222),
        Connection("10.244.2.5", "10.243.1.1", 6443),
    }
