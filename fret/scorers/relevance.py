"""Graded relevance by a language model, from the log-probabilities of its labels."""

import math
from collections.abc import Iterable, Iterator

from fret.llm.types import LLM, Failure, Labels, LabelsReply, Reply
from fret.prompts import Prompt
from fret.records import Passage, Query
from fret.scorers import Group, Score
from fret.scorers.grouped import ask_grouped

LABELS = ("0", "1", "2", "3")


class RelevanceScorer:
    """Expected relevance: the sum of p(label) * grade over the labels 0 to 3.

    p is the softmax over the labels' log-probabilities alone (Zhuang et al. 2023,
    arXiv 2310.14122).
    """

    name = "relevance"

    def __init__(self, llm: LLM, prompt: Prompt) -> None:
        self.model = llm.name
        self._llm, self._prompt = llm, prompt

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        return ask_grouped(self._llm, groups, self._request, _read)

    def _request(self, query: Query, passage: Passage) -> Labels:
        messages = self._prompt.as_chat(
            passage=passage.text, title=passage.title, task=query.task, query=query.text
        )
        return Labels(tuple(messages), LABELS)


def expect_relevance(logprobs: tuple[float, ...]) -> float:
    """Return the expected grade, from 0 to len(logprobs) - 1."""
    high = max(logprobs)
    weights = [math.exp(logprob - high) for logprob in logprobs]
    return math.fsum(grade * weight for grade, weight in enumerate(weights)) / math.fsum(weights)


def _read(reply: Reply | Failure) -> Score:
    if not isinstance(reply, LabelsReply):
        return Score(None)
    grade = expect_relevance(reply.logprobs)
    if reply.way == "text":  # one grade, and no probabilities that one could believe
        return Score(grade, grade=grade, fallback="label as text")
    # A label that the server left out has at most the smallest probability that it reported.
    fallback = f"bounded labels: {','.join(reply.missing)}" if reply.missing else ""
    return Score(grade, grade=grade, label_logprobs=reply.logprobs, fallback=fallback)
