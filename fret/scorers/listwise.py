"""A list ranked by a chat model as a whole: RankGPT (Sun et al. 2023, arXiv 2304.09542)."""

import itertools
import re
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from fret.llm.types import LLM, Chat, ChatReply, Failure, FailureKind, Reply
from fret.prompts import Prompt
from fret.records import Passage, Query
from fret.scorers import Group, Score

# Queries whose windows are asked side by side, while one query's own must follow each other.
_QUERIES_PER_BLOCK = 1000

LEFT_OUT = "left out of the ranking"


class ListwiseScorer:
    """Ranks up to `window` candidates in one request; the score is minus the place in the list.

    Longer lists are ranked as in RankGPT (section 3.2): the window stands at the end of the list
    first, and moves `step` places to the front each time, so the best climb to the front. Beyond
    the first `window - step` places the order is only partly settled then. The model sees the
    candidates in the order of the retrieval.

    A candidate that the answer leaves out keeps its order, at the end of its window, and is marked.
    Where an answer names none, the whole list has no score.

    Args:
        max_tokens: room for one answer.
    """

    kind: ClassVar[str] = "listwise"
    asks: ClassVar[bool] = True
    compares: ClassVar[bool] = True

    def __init__(
        self,
        llm: LLM,
        prompt: Prompt,
        *,
        window: int = 20,
        step: int = 10,
        max_tokens: int = 400,
        name: str = "listwise",
    ) -> None:
        self.name, self.model = name, llm.name
        self._llm, self._prompt, self._max_tokens = llm, prompt, max_tokens
        self._window, self._step = window, step

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        groups = iter(groups)
        while block := list(itertools.islice(groups, _QUERIES_PER_BLOCK)):
            rankings = [
                _Ranking(query, passages, plan_windows(len(passages), self._window, self._step))
                for query, passages in block
            ]
            while waiting := [ranking for ranking in rankings if ranking.windows]:
                replies = self._llm.ask(map(self._request, waiting))
                for ranking, reply in zip(waiting, replies, strict=True):
                    ranking.take(reply)
            for ranking in rankings:
                yield ranking.scores()

    def _request(self, ranking: "_Ranking") -> Chat:
        passages = [{"title": p.full_title, "text": p.text} for p in ranking.shown()]
        messages = self._prompt.as_chat(
            passages=passages, task=ranking.query.task, query=ranking.query.text
        )
        return Chat(tuple(messages), self._max_tokens)


class _Ranking:
    """The candidates of one query on their way to their places."""

    def __init__(
        self, query: Query, passages: Sequence[Passage], windows: list[tuple[int, int]]
    ) -> None:
        self.query = query
        self.windows = deque(windows)
        """Those still to be asked, the next one first."""
        self._passages = passages
        self._order = list(range(len(passages)))
        self._left_out: set[int] = set()
        self._failure: Failure | None = None

    def shown(self) -> list[Passage]:
        """Return the passages of the next window, in their order so far."""
        start, end = self.windows[0]
        return [self._passages[i] for i in self._order[start:end]]

    def take(self, reply: Reply | Failure) -> None:
        """Put the next window in the order of an answer."""
        start, end = self.windows.popleft()
        if isinstance(reply, Failure):
            self._fail(reply)
            return
        assert isinstance(reply, ChatReply)
        named = read_ranking(reply.text, end - start)
        if not named:
            why = f"it names none of {end - start} passages: {reply.text[:80]!r}"
            self._fail(Failure(FailureKind.UNREADABLE, why))
            return
        shown = self._order[start:end]
        rest = [i for place, i in enumerate(shown) if place not in named]
        # What moves on into the next window is placed again there.
        self._left_out = (self._left_out - set(shown)) | set(rest)
        self._order[start:end] = [*(shown[place] for place in named), *rest]

    def _fail(self, failure: Failure) -> None:
        self._failure = failure
        if failure.kind is not FailureKind.COUNTED:  # of those, all windows are to be counted
            self.windows.clear()

    def scores(self) -> list[Score]:
        if self._failure:
            return [Score.failed(self._failure)] * len(self._passages)
        places = {i: place for place, i in enumerate(self._order, 1)}
        return [
            Score(-float(places[i]), fallback=LEFT_OUT if i in self._left_out else "")
            for i in range(len(self._passages))
        ]


def plan_windows(n: int, window: int, step: int) -> list[tuple[int, int]]:
    """Return (start, end) of the windows over n candidates, the first to be asked first.

    Unlike in RankGPT's own code the last one always begins at the front: there, 25 candidates with
    a window of 20 and a step of 10 left the first five unranked.
    """
    if n < 2:  # nothing to compare
        return []
    windows = [(max(0, n - window), n)]
    while windows[-1][0] > 0:
        start = max(0, windows[-1][0] - step)
        windows.append((start, min(n, start + window)))
    return windows


_BRACKETED = re.compile(r"\[\s*(\d{1,4}(?:\s*[,>]\s*\d{1,4})*)\s*\]")
_CHAIN = re.compile(r"\d{1,4}(?:(?:(?!:)\W)+\d{1,4})+")
_ITEM = re.compile(r"^\s*(\d{1,4})[.):]\s+(?=.*\d)", re.MULTILINE)
_NUMBER = re.compile(r"\d{1,4}")


def read_ranking(text: str, n: int) -> list[int]:
    """Return the places (from 0) of the passages that an answer names, best first.

    Numbers in square brackets count where there are any that fit; else the longest chain of
    numbers with nothing but marks between them; else all numbers. Those outside 1 to n, and those
    that come again, are passed over.
    """
    for found in (
        _in_brackets(text),
        _in_chain(_without_item_numbers(text)),
        _NUMBER.findall(text),
    ):
        if places := _keep_known(found, n):
            return places
    return []


def _in_brackets(text: str) -> list[str]:
    return [number for inside in _BRACKETED.findall(text) for number in _NUMBER.findall(inside)]


def _in_chain(text: str) -> list[str]:
    longest = max((_NUMBER.findall(chain) for chain in _CHAIN.findall(text)), key=len, default=[])
    numbers = _NUMBER.findall(text)
    # "Passage 3, then passage 1, then passage 2": words stand between all of them.
    return longest if 2 * len(longest) > len(numbers) else numbers


def _without_item_numbers(text: str) -> str:
    """Take off the numbers of a list's lines: `1. Passage 3` is about passage 3."""
    numbers = [int(number) for number in _ITEM.findall(text)]
    return _ITEM.sub("", text) if numbers == list(range(1, len(numbers) + 1)) else text


def _keep_known(numbers: Iterable[str], n: int) -> list[int]:
    return list(dict.fromkeys(int(x) - 1 for x in numbers if 1 <= int(x) <= n))
