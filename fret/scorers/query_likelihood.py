"""Query likelihood by a language model: how probable is the query, given the passage?"""

from collections.abc import Iterable, Iterator

from fret.llm.types import LLM, Failure, Likelihood, LikelihoodReply, Reply
from fret.prompts import Prompt
from fret.records import Passage, Query
from fret.scorers import Group, Score
from fret.scorers.grouped import ask_grouped


class QueryLikelihoodScorer:
    """Mean log-probability of the query's tokens, after a few-shot prompt with the passage.

    The mean is UPR's score (Sachan et al. 2022); within one query it ranks as the sum does.
    """

    name = "query_likelihood"

    def __init__(self, llm: LLM, prompt: Prompt) -> None:
        self.model = llm.name
        self._llm, self._prompt = llm, prompt

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        return ask_grouped(self._llm, groups, self._request, _read)

    def _request(self, query: Query, passage: Passage) -> Likelihood:
        # On one line: a page cannot write the end of its passage and a query of its own.
        given = {"passage": passage.text, "title": passage.title, "task": query.task}
        prompt = self._prompt.as_text(**{k: " ".join(v.split()) for k, v in given.items()})
        return Likelihood(prompt, self._prompt.render_answer(query=query.text))


def _read(reply: Reply | Failure) -> Score:
    if not isinstance(reply, LikelihoodReply):
        return Score(None)
    return Score(reply.logprob / reply.n_tokens, logprob=reply.logprob, n_tokens=reply.n_tokens)
