"""Texts that begin with an instruction, and which of their tokens are the instruction's.

NV-Embed reads a query as `Instruct: {task}\\nQuery: {query}` and leaves the instruction out of the
pooling; documents have none. Tasks differ from row to row, so the mask does too.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any, Self

import torch
from sentence_transformers.base.modules import Transformer
from torch import Tensor

from fret.errors import UserError
from fret.modules.bidirectional import is_told_bidirectional, require_bidirectional
from fret.modules.pooling import INSTRUCTION_MASK, Features

TEMPLATE = "Instruct: {task}\nQuery: {query}"
"""NV-Embed's (arXiv 2405.17428), which took it from E5-mistral (2401.00368)."""

Row = tuple[list[int], list[int]]
"""Token ids, and 1 for each that is the instruction's."""


def write_instruction(task: str, query: str = "", *, template: str = TEMPLATE) -> str:
    """The text of a query with its task; with no query, a prompt for `encode`.

    Line breaks in a task become spaces, since a template ends a task with one.
    """
    before, between = _cut_template(template)
    return f"{before}{' '.join(task.split())}{between}{query}"


class InstructedTransformer(Transformer):
    """sentence-transformers' Transformer, which also marks the instruction's tokens in each row.

    Where a row's instruction ends:

    - with `prompt`, as in `encode(texts, prompt=...)` or a trainer's `prompts`: after the prompt;
    - else, where the text begins with the template: before its query;
    - else the row has none. Neither has a text with `task="document"`, as `encode_document` gives,
      so no page can hide words of its own by beginning like an instruction.

    Prompt and text are tokenised as one text, so the tokens are those of any other tool. A token
    that covers both sides of the boundary, such as " how" after "Query:", belongs to the text. A
    first token that the tokenizer adds (BOS) belongs to the instruction where there is one; the
    last (EOS) is always pooled.

    A row that is too long loses the end of its text, but no more than leaves the text half of the
    room; then the instruction loses its beginning. The tokens that the tokenizer adds stay.
    """

    def __init__(
        self, model_name_or_path: str, *, template: str = TEMPLATE, **options: Any
    ) -> None:
        super().__init__(model_name_or_path, **options)
        self._set_template(template)

    @classmethod
    def of(cls, plain: Transformer, *, template: str = TEMPLATE) -> Self:
        """The same model and tokenizer, not copied."""
        made = cls.__new__(cls)
        made.__dict__.update(plain.__dict__)
        made._set_template(template)
        return made

    def _set_template(self, template: str) -> None:
        before, between = map(re.escape, _cut_template(template))
        self.template = template
        self._instruction = re.compile(f"{before}[^\\n]*?{between}")
        tokenizer: Any = self.tokenizer
        if not getattr(tokenizer, "is_fast", False):
            raise UserError(
                f"{self.config.name_or_path}: its tokenizer does not tell where in the text a "
                "token lies, so the instruction's tokens cannot be told from the text's. Take "
                "mask_instruction=False, or a base with a tokenizer.json"
            )

    def on_model_ready(self, model: Any) -> None:
        """Check that what the configuration says of both directions is so."""
        if is_told_bidirectional(self.model):
            require_bidirectional(self.model)

    def preprocess(
        self,
        inputs: Sequence[Any],
        prompt: str | None = None,
        processing_kwargs: Any = None,
        **options: Any,
    ) -> dict[str, Any]:
        """Tokenise texts; the mask of the instructions comes along as a feature.

        Args:
            options: `max_length` and `task` are read.
        """
        if not inputs:
            return {}
        if processing_kwargs:
            raise UserError(
                "processing_kwargs is not read where instructions are masked: pass max_length="
            )
        if not all(isinstance(text, str) for text in inputs):
            raise UserError(
                "an embedding is made of one text, not of a pair: write the instruction into it "
                "with fret.modules.instruction.write_instruction(task, query), or pass prompt="
            )
        texts = [(prompt or "") + text for text in inputs]
        rows = self._tokenise(texts, options.get("max_length"))
        bounds = [self._boundary(t, prompt, options.get("task")) for t in texts]
        fitted = [row.fit(bound) for row, bound in zip(rows, bounds, strict=True)]
        return {**self._pad(fitted), "modality": "text"}

    def forward(self, features: Features, **options: Any) -> Features:
        """Run the model, which knows nothing of the instruction's mask."""
        known = {name: value for name, value in features.items() if name != INSTRUCTION_MASK}
        return features | super().forward(known, **options)

    def get_config_dict(self) -> dict[str, Any]:
        """What is saved of the module itself."""
        return {**super().get_config_dict(), "template": self.template}

    def _boundary(self, text: str, prompt: str | None, task: str | None) -> int:
        """Characters of the instruction."""
        if prompt:
            return len(prompt)
        found = None if task == "document" else self._instruction.match(text)
        return found.end() if found else 0

    def _tokenise(self, texts: list[str], max_length: int | None) -> "list[_Tokens]":
        tokenizer: Any = self.tokenizer
        made = tokenizer(
            texts,
            return_offsets_mapping=True,
            return_special_tokens_mask=True,
            return_attention_mask=False,
            truncation=False,
            verbose=False,
        )
        limit = max_length or tokenizer.model_max_length
        columns = (made["input_ids"], made["offset_mapping"], made["special_tokens_mask"])
        return [_Tokens(i, [e for _, e in o], s, limit) for i, o, s in zip(*columns, strict=True)]

    def _pad(self, rows: list[Row]) -> dict[str, Tensor]:
        ids = [ids for ids, _ in rows]
        tokenizer: Any = self.tokenizer
        padded = tokenizer.pad({"input_ids": ids}, padding=True, return_tensors="pt")
        mask = torch.zeros_like(padded["attention_mask"])
        mask[padded["attention_mask"].bool()] = torch.tensor([m for _, row in rows for m in row])
        features = {name: padded[name] for name in ("input_ids", "attention_mask")}
        return {**features, INSTRUCTION_MASK: mask}


class _Tokens:
    """One tokenised text: its own tokens, and those that the tokenizer added before and after.

    Args:
        ends: for each token, the character after its last.
        added: for each token, 1 if the tokenizer added it.
    """

    def __init__(self, ids: list[int], ends: list[int], added: list[int], limit: int) -> None:
        first = len(list(takewhile(bool, added)))
        last = len(ids) - (len(list(takewhile(bool, reversed(added)))) if first < len(ids) else 0)
        self._before, self._ids, self._after = ids[:first], ids[first:last], ids[last:]
        self._ends, self._limit = ends[first:last], limit

    def fit(self, boundary: int) -> Row:
        """Cut to the limit; mark the tokens that end at or before the boundary."""
        n_instruction = len(list(takewhile(lambda end: end <= boundary, self._ends)))
        instruction, text = self._ids[:n_instruction], self._ids[n_instruction:]
        room = self._limit - len(self._before) - len(self._after)
        if room < 1:
            raise UserError(
                f"max_seq_length {self._limit} leaves no room for a text beside the tokens that "
                "the tokenizer adds: raise it"
            )
        text = text[: max(room - len(instruction), (room + 1) // 2)]
        instruction = instruction[max(0, len(instruction) + len(text) - room) :]
        begin = [*self._before, *instruction] if boundary else []
        ids = [*self._before, *instruction, *text, *self._after]
        return ids, [int(position < len(begin)) for position in range(len(ids))]


def _cut_template(template: str) -> tuple[str, str]:
    """What stands before the task, and what between it and the query."""
    parts = re.fullmatch(r"(.*)\{task\}(.+)\{query\}", template, re.DOTALL)
    if parts is None:
        raise UserError(
            f"the template {template!r} cannot be used: it needs {{task}}, something after it that "
            "ends the task, and {query} at its end"
        )
    return parts[1], parts[2]
