"""A loaded model at work: requests in, what is stored of their answers out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fret.llm.forms.reading import log_sum
from fret.llm.forward import Budget, Scorer
from fret.llm.generation import Draft, Writer
from fret.llm.packing import Continuation
from fret.llm.tokens import Tokens, Unfit
from fret.llm.types import Chat, Labels, Likelihood, Request
from fret.llm.weights import choose_device, load_weights

# Keys and values of a model of 4 billion parameters take 0.15 MB a token: 5 GB, or 1.
_GPU_TOKENS, _CPU_TOKENS = 32768, 8192


@dataclass(slots=True)
class Engine:
    """A model and what works with it; not for several threads at once."""

    tokens: Tokens
    scorer: Scorer
    writer: Writer

    def answer(self, asked: Mapping[str, Request]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield (key, answer) as batches end, in any order."""
        chats = {key: r for key, r in asked.items() if isinstance(r, Chat)}
        scored = {key: r for key, r in asked.items() if not isinstance(r, Chat)}
        yield from self._score(scored)
        yield from self._write(chats)

    def _score(
        self, asked: Mapping[str, Likelihood | Labels]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        items: list[Continuation] = []
        owners: list[tuple[str, int]] = []
        scores: dict[str, list[list[float]]] = {}
        n_left: dict[str, int] = {}
        for key, request in asked.items():
            try:
                groups = self._encode(request)
            except Unfit as error:
                yield key, {"unfit": str(error)}
                continue
            scores[key], n_left[key] = [[] for _ in groups], sum(map(len, groups))
            for number, group in enumerate(groups):
                items += group
                owners += [(key, number)] * len(group)
        for place, logprob in self.scorer.score(items):
            key, number = owners[place]
            scores[key][number].append(logprob)
            n_left[key] -= 1
            if not n_left[key]:
                logprobs = [log_sum(each) for each in scores.pop(key)]
                yield key, _describe(asked[key], logprobs, items[place])

    def _encode(self, request: Likelihood | Labels) -> list[list[Continuation]]:
        if isinstance(request, Labels):
            return self.tokens.encode_labels(request)
        return [[self.tokens.encode_likelihood(request)]]

    def _write(self, asked: Mapping[str, Chat]) -> Iterator[tuple[str, dict[str, Any]]]:
        drafts: dict[str, Draft] = {}
        for key, chat in asked.items():
            try:
                drafts[key] = self._draft(key, chat)
            except Unfit as error:
                yield key, {"unfit": str(error)}
        keys = list(drafts)
        for place, written in self.writer.write(list(drafts.values())):
            usage = [len(drafts[keys[place]].ids), len(written.ids)]
            text = self.tokens.decode(written.ids)
            yield keys[place], {"text": text, "has_ended": written.has_ended, "usage": usage}

    def _draft(self, key: str, chat: Chat) -> Draft:
        ids = self.tokens.encode_chat(chat.messages)
        room = chat.max_tokens if self.tokens.limit is None else self.tokens.limit - len(ids)
        if room < 1:
            raise Unfit(f"{len(ids)} tokens leave no room for an answer")
        # The key stands for the request with its sample's number: another draw, another seed.
        return Draft(ids, min(chat.max_tokens, room), chat.temperature, int(key[:16], 16))


def load_engine(
    path: str,
    *,
    device: str,
    dtype: str,
    template: dict[str, Any],
    batch_tokens: int | None,
    share_prefix: bool,
) -> Engine:
    """Load a model from a folder, or by its name on the Hub.

    Raises:
        ConfigError: it cannot be loaded.
    """
    model, tokenizer = load_weights(path, device=device, dtype=dtype)
    config = model.config.get_text_config()
    limit = getattr(config, "max_position_embeddings", None)
    tokens = Tokens(tokenizer, path=path, template=template, limit=limit)
    is_small = choose_device(device) == "cpu"
    budget = Budget(batch_tokens or (_CPU_TOKENS if is_small else _GPU_TOKENS))
    scorer = Scorer(model, budget, share_prefix=share_prefix)
    given = model.generation_config.eos_token_id
    ends = {*(given if isinstance(given, list) else [given]), tokens.end} - {None}
    writer = Writer(model, budget, ends=ends, share_prefix=scorer.shares_prefix_unwindowed)
    return Engine(tokens, scorer, writer)


def _describe(
    request: Likelihood | Labels, logprobs: list[float], item: Continuation
) -> dict[str, Any]:
    """Return what is stored of a scored request, `item` being one of its continuations."""
    if isinstance(request, Labels):
        return {"logprobs": logprobs, "usage": [item.start, 0]}
    n_tokens = len(item.ids)
    return {"logprobs": logprobs, "n_tokens": n_tokens - item.start, "usage": [n_tokens, 0]}
