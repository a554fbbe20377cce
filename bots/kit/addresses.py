"""Whether a page of our own can be reached from elsewhere."""

import ipaddress
from urllib.parse import urljoin, urlsplit


def page(url: str, public_url: str | None) -> str | None:
    """The address of a page of our own, for another device: https or http at a public name; None where there is none."""
    address = urljoin(public_url, url) if public_url else url
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname or "." not in parts.hostname:
        return None
    try:
        return address if ipaddress.ip_address(parts.hostname).is_global else None
    except ValueError:
        return address
