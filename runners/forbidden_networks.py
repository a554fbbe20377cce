"""The networks that nothing from outside may make us call. An explicit list: the standard library's `is_global` lets
NAT64, 6to4 and multicast through, `is_private` the carriers' shared space (source: IANA special-purpose registries)."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

_V4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this host
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # shared by carriers; Alibaba's metadata service
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # Azure's host agent
        "169.254.0.0/16",  # link-local; metadata services
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata service
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_V6_UNICAST = IPv6Network("2000::/3")
"""All that is handed out. Loopback, mapped, NAT64, unique-local, link-local and multicast addresses lie outside."""

_V6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments: Teredo, ORCHID, benchmarks
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)


def forbidden(address: str) -> bool:
    """Whether an address, as a resolver gives it, is one that we never call. What is no address is forbidden too."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return True
    if isinstance(parsed, IPv4Address):
        return any(parsed in network for network in _V4)
    return _forbidden_v6(parsed)


def _forbidden_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _V6_UNICAST:
        return True
    return any(address in network for network in _V6)
