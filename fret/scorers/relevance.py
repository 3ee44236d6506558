"""Graded relevance by a language model, from the log-probabilities of its labels."""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar, Literal

from fret.llm.types import LLM, Failure, Labels, LabelsReply, Reply
from fret.prompts import Prompt
from fret.records import Passage, Query
from fret.scorers import Group, Score
from fret.scorers.grouped import ask_grouped

LABELS = ("0", "1", "2", "3")

MadeOf = Literal["expected", "peak", "label"]


class RelevanceScorer:
    """Grades each candidate from 0 to 3; the expected grade is noted whatever the score is.

    Args:
        made_of: what the score is (Zhuang et al. 2023, arXiv 2310.14122, section 3.2):
            `expected`, their ER: the sum of p(label) * grade, with p the softmax over the labels'
            log-probabilities alone;
            `peak`, their PR: the log-probability of the highest label, as the model gave it. It is
            the nearest to Gecko's "log-likelihood of a relevance label";
            `label`: the most probable grade, the lower one of two that are equally probable.
    """

    kind: ClassVar[str] = "relevance"
    asks: ClassVar[bool] = True
    compares: ClassVar[bool] = False

    def __init__(
        self,
        llm: LLM,
        prompt: Prompt,
        *,
        made_of: MadeOf = "expected",
        name: str = "relevance",
    ) -> None:
        self.name, self.model = name, llm.name
        self._llm, self._prompt, self._made_of = llm, prompt, made_of

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        return ask_grouped(self._llm, groups, self._request, self._read)

    def _request(self, query: Query, passage: Passage) -> Labels:
        messages = self._prompt.as_chat(
            passage=passage.text, title=passage.full_title, task=query.task, query=query.text
        )
        return Labels(tuple(messages), LABELS)

    def _read(self, reply: Reply | Failure) -> Score:
        if isinstance(reply, Failure):
            return Score.failed(reply)
        assert isinstance(reply, LabelsReply)
        grade = expect_relevance(reply.logprobs)
        if reply.way == "text":  # one grade, and no probabilities that one could believe
            return Score(grade, grade=grade, fallback="label as text")
        # A label that the server left out has at most the smallest probability that it reported.
        fallback = f"bounded labels: {','.join(reply.missing)}" if reply.missing else ""
        value = {"expected": grade, "peak": reply.logprobs[-1], "label": find_label(reply.logprobs)}
        return Score(
            value[self._made_of], grade=grade, label_logprobs=reply.logprobs, fallback=fallback
        )


def expect_relevance(logprobs: Sequence[float]) -> float:
    """Return the expected grade, from 0 to len(logprobs) - 1."""
    high = max(logprobs)
    weights = [math.exp(logprob - high) for logprob in logprobs]
    return math.fsum(grade * weight for grade, weight in enumerate(weights)) / math.fsum(weights)


def find_label(logprobs: Sequence[float]) -> float:
    """Return the most probable grade, the lower one of equals."""
    return float(logprobs.index(max(logprobs)))
