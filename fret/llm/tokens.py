"""Requests as tokens: which are given, and which are to be scored."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from fret.errors import UserError
from fret.llm.packing import Continuation
from fret.llm.types import Labels, Likelihood, Messages


class Unfit(Exception):
    """One request that the model cannot be asked; the message says why."""


class Tokens:
    """The tokenizer and the chat template of a model.

    Args:
        limit: how many tokens the model has positions for; None when it does not say.
    """

    def __init__(
        self, tokenizer: Any, *, path: str, template: dict[str, Any], limit: int | None
    ) -> None:
        self._tokenizer, self._path, self._template = tokenizer, path, template
        self.limit = limit

    def encode_likelihood(self, request: Likelihood) -> Continuation:
        """Tokenise prompt and continuation as one text, as servers with `echo` do.

        A token that stands across the boundary belongs to the continuation.

        Raises:
            Unfit: nothing stands before the continuation, so its first token has no probability;
                or the continuation is empty, or the text too long.
        """
        text = _mend(request.prompt + request.continuation)
        begin = len(request.prompt)
        encoded = self._tokenizer(
            text, return_offsets_mapping=True, return_special_tokens_mask=True
        )
        own = [place for place, special in enumerate(encoded["special_tokens_mask"]) if not special]
        ends = encoded["offset_mapping"]
        start = next((place for place in own if ends[place][1] > begin), None)
        if start is None:
            raise Unfit("the continuation has no tokens")
        if start == 0:
            raise Unfit("there is no token before the continuation")
        # A token that some tokenizers put at the end of each text is not asked about.
        ids = tuple(encoded["input_ids"][: own[-1] + 1])
        self._check_length(len(ids) - 1)
        return Continuation(ids, start)

    def encode_labels(self, request: Labels) -> list[list[Continuation]]:
        """Return, for each label, the ways to say it next.

        Those are the single tokens whose text is the label but for spaces around it ("0", " 0"),
        and the label's own tokens where it takes several.

        Raises:
            Unfit: a label has no tokens, or the conversation is too long.
        """
        prompt = self.encode_chat(request.messages)
        ways = [self._spell(label) for label in request.labels]
        if not all(ways):
            raise Unfit(f"one of the labels {request.labels} has no tokens")
        self._check_length(len(prompt) + max(len(way) for each in ways for way in each) - 1)
        return [[Continuation(prompt + way, len(prompt)) for way in each] for each in ways]

    def encode_chat(self, messages: Messages) -> tuple[int, ...]:
        """Write a conversation as the model's template does, up to where the assistant speaks.

        Raises:
            UserError: the model has no chat template.
            Unfit: the template refuses the conversation, or it is too long.
        """
        from jinja2 import TemplateError

        if not self._tokenizer.chat_template:
            raise UserError(
                f"The model {self._path!r} has no chat template, so it can be asked for "
                "likelihoods only. Name an instruction-tuned model for writing and grading, or "
                "put a chat_template.jinja into its folder."
            )
        turns = [{"role": role, "content": _mend(text)} for role, text in messages]
        try:
            ids = self._tokenizer.apply_chat_template(
                turns,
                add_generation_prompt=True,
                return_dict=False,
                # A page may spell the tokens that end a turn; as text they end nothing.
                sanitize_control_tokens=True,
                **self._template,
            )
        except TemplateError as error:
            raise Unfit(f"the chat template refuses the conversation: {error}") from None
        self._check_length(len(ids))
        return tuple(ids)

    def decode(self, ids: Sequence[int]) -> str:
        text: str = self._tokenizer.decode(
            ids, skip_special_tokens=True, clean_up_tokenization_spaces=False
        )
        return text

    @property
    def end(self) -> int | None:
        """The token that ends a text."""
        token: int | None = self._tokenizer.eos_token_id
        return token

    def _check_length(self, n_tokens: int) -> None:
        if self.limit is not None and n_tokens > self.limit:
            raise Unfit(f"{n_tokens} tokens, and the model takes {self.limit}")

    def _spell(self, label: str) -> list[tuple[int, ...]]:
        """Return all ways to say a label, each a sequence of tokens; none starts another."""
        whole = tuple(self._tokenizer.encode(_mend(label), add_special_tokens=False))
        single: list[tuple[int, ...]] = [(token,) for token in self._tokens_by_text.get(label, ())]
        return [*single, whole] if whole and (len(whole) > 1 or whole not in single) else single

    @cached_property
    def _tokens_by_text(self) -> dict[str, list[int]]:
        special = set(self._tokenizer.all_special_ids)
        ids = [token for token in range(len(self._tokenizer)) if token not in special]
        found: dict[str, list[int]] = {}
        for token, text in zip(ids, self._decode_each(ids), strict=True):
            if text.strip():
                found.setdefault(text.strip(), []).append(token)
        return found

    def _decode_each(self, ids: list[int]) -> list[str]:
        texts: list[str] = self._tokenizer.batch_decode(
            [[token] for token in ids], clean_up_tokenization_spaces=False
        )
        return texts


def _mend(text: str) -> str:
    """Replace halves of surrogate pairs, which no tokenizer takes; the length stays."""
    return text.encode("utf-8", "replace").decode()
