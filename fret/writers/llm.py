"""Tasks and queries by a language model, from a few-shot prompt, as in Gecko's FRet."""

import unicodedata
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from fret.llm.types import LLM, Chat, ChatReply, Failure, FailureKind, Reply
from fret.prompts import Prompt
from fret.records import Dropped, Passage, Query, Reason


def _require_text(value: str) -> str:
    text = " ".join(value.split())
    if not text:
        raise ValueError("it is empty")
    # Half a surrogate pair is valid JSON, but no file can hold it.
    if not text.isprintable() or text.encode("utf-8", "ignore").decode() != text:
        raise ValueError("it holds characters that are no text")
    return text


# The check is not part of the JSON schema: servers differ in which constraints they know.
_Text = Annotated[str, AfterValidator(_require_text)]


class TaskAndQuery(BaseModel):
    """What the model is to write."""

    model_config = ConfigDict(extra="forbid")

    task: _Text
    query: _Text


class LlmWriter:
    """Asks a chat model for a task and a query, `per_passage` times for each passage."""

    name = "llm"

    def __init__(
        self, llm: LLM, prompt: Prompt, *, per_passage: int, temperature: float, max_tokens: int
    ) -> None:
        self.prompt_hash = prompt.hash
        self._llm, self._prompt = llm, prompt
        self._per_passage = per_passage
        self._temperature, self._max_tokens = temperature, max_tokens
        self._shown = {_normalize(example.get("query", "")) for example in prompt.examples}

    def write(self, passages: Iterable[Passage]) -> Iterator[Query | Dropped]:
        waiting: deque[tuple[Passage, int]] = deque()

        def requests() -> Iterator[Chat]:
            for passage in passages:
                for sample in range(self._per_passage):
                    waiting.append((passage, sample))
                    yield self._request(passage, sample)

        written: tuple[str, set[tuple[str, str]]] = ("", set())
        for reply in self._llm.ask(requests()):
            passage, sample = waiting.popleft()
            if passage.id != written[0]:
                written = (passage.id, set())
            yield _drop_double(self._read(reply, passage, sample), written[1])

    def _request(self, passage: Passage, sample: int) -> Chat:
        messages = self._prompt.as_chat(
            passage=passage.text, title=passage.title, language=passage.language
        )
        return Chat(
            tuple(messages),
            self._max_tokens,
            self._temperature,
            TaskAndQuery,
            sample,
            partial(self._refuse, passage),
        )

    def _refuse(self, passage: Passage, written: BaseModel) -> Failure | None:
        """Say what is wrong with a query that has the right form; it is asked for once more."""
        assert isinstance(written, TaskAndQuery)
        if _normalize(written.query) in self._shown:
            detail = f"it repeats the prompt's example {written.query[:80]!r}"
            return Failure(FailureKind.ECHO, detail)
        ours, theirs = find_script(written.query), find_script(passage.text)
        if ours and theirs and ours != theirs:
            detail = f"it is in {ours} letters, the passage in {theirs}: {written.query[:80]!r}"
            return Failure(FailureKind.LANGUAGE, detail)
        return None

    def _read(self, reply: Reply | Failure, passage: Passage, sample: int) -> Query | Dropped:
        if isinstance(reply, Failure):
            return Dropped("queries", passage.id, reply.kind, reply.detail)
        assert isinstance(reply, ChatReply) and isinstance(reply.data, TaskAndQuery)
        return Query(
            id=Query.make_id(passage.id, self.prompt_hash, (self._llm.name,), sample),
            passage_id=passage.id,
            task=reply.data.task,
            text=reply.data.query,
            language=passage.language,
            task_type="",
            writer=self.name,
            model=self._llm.name,
            prompt_hash=self.prompt_hash,
            sample=sample,
        )


def _normalize(text: str) -> str:
    return " ".join(text.casefold().split())


# Japanese mixes three scripts, and Chinese is one of them.
_TOGETHER = {"HIRAGANA": "CJK", "KATAKANA": "CJK"}


def find_script(text: str) -> str:
    """Return the script of most letters of a text, as Unicode names it; empty for too few."""
    letters = [c for c in text[:2000] if c.isalpha()]
    names = Counter(unicodedata.name(c, "").split(" ")[0] for c in letters)
    scripts: Counter[str] = Counter()
    for name, n in names.items():
        scripts[_TOGETHER.get(name, name)] += n
    if not scripts:
        return ""
    script, n = scripts.most_common(1)[0]
    # A formula or a name in other letters is no language.
    return script if n >= 3 and n > len(letters) / 2 else ""


def _drop_double(query: Query | Dropped, written: set[tuple[str, str]]) -> Query | Dropped:
    """Drop a query that was written for the same seed already."""
    if isinstance(query, Dropped):
        return query
    if (query.task, query.text) in written:
        detail = f"sample {query.sample} repeats {query.text[:80]!r}"
        return Dropped("queries", query.id, Reason.DUPLICATE_QUERY, detail)
    written.add((query.task, query.text))
    return query
