"""Which side of the dataset a page is on."""

import hashlib
from collections.abc import Mapping


def split_of(page_id: str, shares: Mapping[str, float], seed: int) -> str:
    """Return the split of a page: drawn from its id alone, so it stays when other pages come."""
    place = int(hashlib.sha256(f"split\0{seed}\0{page_id}".encode()).hexdigest()[:12], 16) / 16**12
    for name, share in sorted(shares.items()):
        if place < share:
            return name
        place -= share
    return "train"
