"""Which rows of a batch may not be each other's negatives.

A row comes with a line of keys, whole numbers that stand for texts; 0 stands for none:

    group, seed, positive, negative, negative_2, …

Rows are kin where they share a group (queries that ask nearly the same), a positive or a seed, or
where the positive of one is the seed of the other.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch
    from torch import Tensor

GROUP, SEED, POSITIVE, NEGATIVES = 0, 1, 2, 3


def make_key(text: str) -> int:
    """Hash a text into a key of 63 bits that is never 0; 0 for no text."""
    if not text:
        return 0
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return (int.from_bytes(digest, "big") >> 1) or 1


def find_kin(rows: "Tensor", others: "Tensor") -> "Tensor":
    """Tell for each row which of the others are kin.

    Args:
        rows: keys, (r, 3 or more).
        others: keys, (b, 3 or more).

    Returns:
        (r, b), true where two rows are kin; a row with a key is kin to itself.
    """
    kin = _equal(rows[:, GROUP], others[:, GROUP])
    for mine in (SEED, POSITIVE):
        for theirs in (SEED, POSITIVE):
            kin |= _equal(rows[:, mine], others[:, theirs])
    return kin


def find_own(rows: "Tensor", passages: "Tensor") -> "Tensor":
    """Tell for each row which passages are its own positive or seed.

    Args:
        rows: keys, (r, 3 or more).
        passages: keys of passages, (n,).

    Returns:
        (r, n).
    """
    return _equal(rows[:, POSITIVE], passages) | _equal(rows[:, SEED], passages)


def _equal(rows: "Tensor", others: "Tensor") -> "Tensor":
    return (rows[:, None] == others[None, :]) & (rows != 0)[:, None]


def no_keys(n_rows: int, n_negatives: int, device: "torch.device") -> "Tensor":
    """Return keys for rows of which nothing is known: none is kin, all negatives are there."""
    import torch

    keys = torch.zeros(n_rows, NEGATIVES + n_negatives, dtype=torch.int64, device=device)
    # Every negative is a text of its own; below 0, where no hash is.
    keys[:, NEGATIVES:] = -1 - torch.arange(n_rows * n_negatives, device=device).view(n_rows, -1)
    return keys
