"""Whether the Hub can be reached, told soon: its client tries for half a minute."""

import socket
import threading
from contextlib import suppress
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

_PATIENCE_S = 3.0


def is_hub_near() -> bool:
    """Whether anything answers at the Hub's address, or at the proxy before it."""
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        return False
    near = threading.Event()
    # In a thread: a dead name server keeps a look-up waiting, and nothing else can end that.
    look = threading.Thread(target=_knock, args=(constants.ENDPOINT, near), daemon=True)
    look.start()
    look.join(2 * _PATIENCE_S)
    return near.is_set()


def _knock(address: str, near: threading.Event) -> None:
    server = urlsplit(address)
    proxy = getproxies().get(server.scheme)
    if proxy and not proxy_bypass(server.hostname or ""):
        server = urlsplit(proxy if "//" in proxy else f"//{proxy}")
    port = server.port or (80 if server.scheme == "http" else 443)
    with suppress(OSError), socket.create_connection((server.hostname, port), timeout=_PATIENCE_S):
        near.set()
