"""Passages that repeat an earlier one: signs of texts (made in any process), and what was kept."""

from fret.text.near_duplicates.bands import Bands, choose_bands
from fret.text.near_duplicates.kept import BLOCK, KeptTexts, Repeat
from fret.text.near_duplicates.signs import Signs, sign_texts

__all__ = ["BLOCK", "Bands", "KeptTexts", "Repeat", "Signs", "choose_bands", "sign_texts"]
