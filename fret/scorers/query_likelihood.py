"""Query likelihood by a language model: how probable is the query, given the passage?"""

from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from fret.llm.types import LLM, Failure, Likelihood, LikelihoodReply, Reply
from fret.prompts import Prompt
from fret.records import Passage, Query
from fret.scorers import Group, Score
from fret.scorers.grouped import ask_grouped


class QueryLikelihoodScorer:
    """Log-probability of the query's tokens, after a few-shot prompt with the passage.

    Args:
        made_of: the `mean` over the tokens is UPR's score (Sachan et al. 2022, section 2.2), the
            `sum` is the log-likelihood itself. Within one query both rank alike; between queries
            the mean can be compared, for it does not fall with the query's length.
    """

    kind: ClassVar[str] = "query_likelihood"
    asks: ClassVar[bool] = True
    compares: ClassVar[bool] = False

    def __init__(
        self,
        llm: LLM,
        prompt: Prompt,
        *,
        made_of: Literal["mean", "sum"] = "mean",
        name: str = "query_likelihood",
    ) -> None:
        self.name, self.model = name, llm.name
        self._llm, self._prompt, self._made_of = llm, prompt, made_of

    def score(self, groups: Iterable[Group]) -> Iterator[list[Score]]:
        return ask_grouped(self._llm, groups, self._request, self._read)

    def _request(self, query: Query, passage: Passage) -> Likelihood:
        # On one line: a page cannot write the end of its passage and a query of its own.
        given = {"passage": passage.text, "title": passage.full_title, "task": query.task}
        prompt = self._prompt.as_text(**{k: " ".join(v.split()) for k, v in given.items()})
        return Likelihood(prompt, self._prompt.render_answer(query=query.text))

    def _read(self, reply: Reply | Failure) -> Score:
        if isinstance(reply, Failure):
            return Score.failed(reply)
        assert isinstance(reply, LikelihoodReply)
        value = reply.logprob / (reply.n_tokens if self._made_of == "mean" else 1)
        return Score(value, logprob=reply.logprob, n_tokens=reply.n_tokens)
