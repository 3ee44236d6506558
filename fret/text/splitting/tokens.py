"""Count tokens as a named tokenizer does."""

import hashlib
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from fret.errors import ConfigError

# Texts tokenised together: all cores are busy, and their tokens are not held for a whole page.
_TEXTS_PER_BATCH = 1000


class TokenCounter:
    """A measure for `split_text`: tokens of each text, without those that a model adds around it.

    It may be sent to other processes, each of which loads the tokenizer at its first use.

    Args:
        path: a tokenizer.json.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getstate__(self) -> dict[str, Any]:
        return {"_path": self._path}

    @cached_property
    def _tokenizer(self) -> Any:
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(self._path))
        except Exception as error:  # the library raises nothing narrower
            raise ConfigError(
                f"The tokenizer in {self._path} cannot be loaded: {error}. "
                "Fetch its folder anew, or name another one in passages.tokenizer."
            ) from error
        tokenizer.no_truncation()  # a file may say at which length its model cuts
        tokenizer.no_padding()
        return tokenizer

    def check(self) -> None:
        """Load the tokenizer.

        Raises:
            ConfigError: the file is none.
        """
        self._tokenizer.get_vocab_size()

    def identify(self) -> str:
        """Return what stands for the tokenizer in fingerprints: the hash of its file."""
        with self._path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]

    def __call__(self, texts: Sequence[str]) -> list[int]:
        counts: list[int] = []
        for start in range(0, len(texts), _TEXTS_PER_BATCH):
            batch = list(texts[start : start + _TEXTS_PER_BATCH])
            encoded = self._tokenizer.encode_batch_fast(batch, add_special_tokens=False)
            counts += map(len, encoded)
        return counts
