"""Which network addresses a URL from a document may lead to: those of the public internet and no others.

Looks at addresses, never at names: `0x7f.1`, `localtest.me` and a name that changes its mind all end as an
address.
"""

import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network, ip_address

from pipeline.domain.errors import SourceUnreachable

# https://www.iana.org/assignments/iana-ipv4-special-registry, without what is globally reachable.
_CLOSED_IPV4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",  # carrier-grade NAT, and one cloud's metadata service
        "127.0.0.0/8",
        "168.63.129.16/32",  # a public address that one cloud gives its host agent
        "169.254.0.0/16",  # link-local: the metadata service
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
    )
)

# All public unicast lies in 2000::/3, so loopback, ULA, link-local, multicast, mapped and NAT64 addresses
# fall outside.
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_CLOSED_IPV6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, benchmarking, ORCHID
        "2001:db8::/32",
        "2002::/16",  # 6to4: carries any IPv4 address
        "3fff::/20",
    )
)


def is_public_address(address: str) -> bool:
    """Whether a numeric address is one of the public internet. Anything that is no plain address is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _CLOSED_IPV4)
    return parsed in _PUBLIC_IPV6 and not any(parsed in network for network in _CLOSED_IPV6)


def numeric_addresses(host: str, port: int) -> Sequence[str]:
    """The address that a host spells out, in whatever way (`127.1`, `0x7f000001`), none for a name. Asks nobody."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return ()
    return [str(answer[4][0]) for answer in answers]


def resolve_host(host: str, port: int) -> Sequence[str]:
    """The numeric addresses of a host, from the system's resolver. Raises SourceUnreachable."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise SourceUnreachable(f"The host {host} could not be found.") from exc
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))
