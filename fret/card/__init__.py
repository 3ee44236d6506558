"""The dataset's card: README.md with front matter, written from what the run says of itself."""

from fret.card.contents import ALL_SPLITS, CONFIGS, Contents, Picture
from fret.card.write import write_card

__all__ = ["ALL_SPLITS", "CONFIGS", "Contents", "Picture", "write_card"]
