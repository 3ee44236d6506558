"""Which site an address is of."""

from urllib.parse import urlsplit


def site_of(url: str) -> str:
    """Return the host of an address, without a leading `www.`; empty where there is none."""
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "") if parts.scheme in {"http", "https"} else ""
    except ValueError:
        return ""
    return host.removeprefix("www.")
