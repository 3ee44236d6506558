"""Find out what a model can do before money is spent: servers ignore fields silently.

Each probe is a few ordinary requests, tried in one way of asking after the other. Their answers are
stored, and so is what was found: a run that goes on after a cut asks in the same way, and finds its
answers again.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from fret.errors import ModelError
from fret.llm.findings import Finding, asked_as, recall
from fret.llm.forms import Form
from fret.llm.forms.reading import log_sum
from fret.llm.pool import Pool
from fret.llm.types import (
    Chat,
    ChatReply,
    Failure,
    FailureKind,
    Labels,
    LabelsReply,
    Likelihood,
    LikelihoodReply,
    Reply,
    Request,
)

LABELS = ("0", "1", "2", "3")

_GRADING = (
    "Grade how well the passage answers the query: 0 not at all, 1 a little, 2 mostly, 3 fully. "
    "Answer with one digit and nothing else."
)
_RIVER = "The river Elbe rises in the mountains of Bohemia and flows into the North Sea."
_QUERIES = ("river elbe flows into which north sea mountains", "recipe for pancakes without eggs")

# The words that a long prompt has more than a short one must be so many tokens each, at least:
# hardly a tokenizer joins words, and a cut prompt has far fewer.
_LEAST_SHARE = 0.9
# The labels' share of the probability, at least: a model that would begin its answer with something
# else gives them some 1e-8, and its order of them is noise.
_LEAST_MASS = 0.05


class _Hello(BaseModel):
    model_config = ConfigDict(extra="forbid")

    answer: str


def probe(
    pool: Pool,
    kinds: Mapping[str, int],
    ways: Mapping[str, Sequence[str]],
    *,
    afresh: bool = False,
) -> list[Finding]:
    """Find the first way that works for each kind of request, and let the pool use it.

    Args:
        kinds: each kind (`chat`, `labels`, `likelihood`) with the characters of the longest prompt.
        ways: for each kind the ways that may be tried, in order.
        afresh: ask the server even where it was asked earlier.
    """
    found = []
    for kind in sorted(kinds):
        prober = _Prober(pool, kind, kinds[kind], afresh=afresh)
        finding = None if afresh else prober.remembered(ways[kind])
        finding = finding or prober.try_ways(ways[kind])
        if finding.works:
            pool.use(prober.form_of(finding.way, finding.label_ids))
            prober.remember(ways[kind], finding)
        found.append(finding)
    return found


class _Prober:
    """Tries one kind of request on one model."""

    def __init__(self, pool: Pool, kind: str, longest: int, *, afresh: bool) -> None:
        self._pool, self._kind, self._longest, self._afresh = pool, kind, longest, afresh

    def form_of(self, way: str, label_ids: tuple[int, ...] = ()) -> Form:
        return replace(self._pool.form(self._kind), way=way, label_ids=label_ids)

    def remembered(self, ways: Sequence[str]) -> Finding | None:
        form = self._pool.form(self._kind)
        return recall(self._pool.store, self._pool.source, form, ways, self._longest)

    def remember(self, ways: Sequence[str], finding: Finding) -> None:
        data = {
            "way": finding.way,
            "detail": finding.detail,
            "label_ids": finding.label_ids,
        }
        store, source = self._pool.store, self._pool.source
        asked = asked_as(self._pool.form(self._kind), ways, self._longest)
        store.put_ability(source, self._kind, asked, data).result()

    def try_ways(self, ways: Sequence[str]) -> Finding:
        """Try one way after the other until one works."""
        failed: dict[str, list[str]] = {}
        for way in ways:
            finding = self._try(way)
            if finding.works:
                return replace(finding, way=way)
            failed.setdefault(finding.detail.rstrip("."), []).append(way)
        said = "; ".join(f"{', '.join(tried)}: {detail}" for detail, tried in failed.items())
        return Finding(self._kind, False, said)

    def _try(self, way: str) -> Finding:
        ids: tuple[int, ...] = ()
        if way in {"token_ids", "score"}:
            found = self._find_label_ids()
            if isinstance(found, str):
                return self._fail(found)
            ids = found
        tries: Mapping[str, Callable[[Form], Finding]] = {
            "chat": self._try_chat,
            "labels": self._try_labels,
            "likelihood": self._try_likelihood,
        }
        return tries[self._kind](self.form_of(way, ids))

    def _ask(self, request: Request, form: Form) -> Reply | Failure:
        try:
            return self._pool.try_once(request, form, afresh=self._afresh)
        except ModelError as error:
            # Services answer what they cannot do with 404 for the path or 403 for the field.
            if error.status in {403, 404}:
                said = str(error).removesuffix(" All answers so far are kept.")
                return Failure(FailureKind.REJECTED, said)
            raise

    def _fail(self, detail: str) -> Finding:
        return Finding(self._kind, False, detail)

    def _try_chat(self, form: Form) -> Finding:
        # A schema must be obeyed, not followed by chance: only the other ways ask for JSON.
        obeys = form.way in {"json_schema", "structured_outputs"}
        text = "Say hello in one word."
        text += "" if obeys else ' As JSON: {"answer": "…"}'
        reply = self._ask(Chat((("user", text),), max_tokens=200, shape=_Hello), form)
        if isinstance(reply, Failure):
            return self._fail(reply.detail)
        return self._try_long(form) or Finding(self._kind, True, "answers with JSON")

    def _try_labels(self, form: Form) -> Finding:
        grades: list[str] = []
        missing: tuple[str, ...] = ()
        mass = 0.0
        for query in _QUERIES:
            text = f"<<<probe0000000\n{_RIVER}\nprobe0000000>>>\nQuery: {query}"
            reply = self._ask(Labels((("system", _GRADING), ("user", text)), LABELS), form)
            if not isinstance(reply, LabelsReply):
                return self._fail(reply.detail if isinstance(reply, Failure) else "another kind")
            if len(reply.missing) == len(LABELS) - 1:
                # With one label known and the others bounded alike, all grades would be the same.
                return self._fail("only the chosen token has a log-probability")
            missing = reply.missing
            mass = max(mass, math.exp(log_sum(reply.logprobs)))
            grades.append(max(zip(reply.logprobs, LABELS, strict=True))[1])
        if mass < _LEAST_MASS:
            return self._fail(
                f"all labels together have a probability of {mass:.1g}: its answer begins with "
                "something else, such as <think> or a word"
            )
        if grades[0] < grades[1]:
            return self._fail(f"it grades {_QUERIES[1]!r} above {_QUERIES[0]!r} for {_RIVER!r}")
        but = f", but not for {', '.join(missing)}" if missing else ""
        said = "labels as text" if form.way == "text" else "log-probabilities for the labels"
        return self._try_long(form) or Finding(
            self._kind, True, f"{said}{but}", label_ids=form.label_ids
        )

    def _try_likelihood(self, form: Form) -> Finding:
        prompt, means = "The capital of France is", []
        for continuation in (" Paris", " banana"):
            reply = self._ask(Likelihood(prompt, continuation), form)
            if not isinstance(reply, LikelihoodReply):
                return self._fail(reply.detail if isinstance(reply, Failure) else "another kind")
            means.append(reply.logprob / reply.n_tokens)
        if means[0] <= means[1]:
            return self._fail(f"it finds ' banana' no less likely than ' Paris' after {prompt!r}")
        # A cut prompt shows by itself: its tokens do not spell the text that was sent.
        long = self._ask(Likelihood(_fill(self._longest), " ten"), form)
        if isinstance(long, Failure):
            return self._fail(f"a prompt as long as this pipeline's: {long.detail}")
        return Finding(self._kind, True, "log-probabilities of the prompt, in the right order")

    def _try_long(self, form: Form) -> Finding | None:
        """Look whether long prompts are cut without a word; None when all is well."""
        chat = replace(form, kind="chat", way="text", label_ids=())
        counts, texts = [], [_fill(self._longest // 4), _fill(self._longest)]
        for text in texts:
            request = Chat((("user", f"{text}\nSay hello."),), max_tokens=200)
            reply = self._ask(request, chat)
            if isinstance(reply, Failure) and reply.kind is FailureKind.REJECTED:
                detail = reply.detail
                return self._fail(
                    f"a prompt as long as this pipeline's ({len(text)} chars): {detail}"
                )
            counts.append(reply.usage.input_tokens if isinstance(reply, ChatReply) else 0)
        # What the template adds is in both.
        n_words = len(texts[1].split()) - len(texts[0].split())
        if 0 in counts or counts[1] - counts[0] >= n_words * _LEAST_SHARE:
            return None
        return self._fail(
            f"it cuts long prompts without saying so: {self._longest} characters are "
            f"{counts[1]} tokens, a quarter of them {counts[0]}; raise the server's context size"
        )

    def _find_label_ids(self) -> tuple[int, ...] | str:
        """Return the tokens of the labels, or what is wrong."""
        ids: list[int] = []
        for label in LABELS:
            found = self._tokenize(label)
            if found is None:
                return "the server has no /tokenize"
            if len(found) != 1:
                return f"the label {label} is {len(found)} tokens"
            ids += found
        return tuple(ids)

    def _tokenize(self, text: str) -> list[int] | None:
        body = {"model": self._pool.name, "prompt": text, "add_special_tokens": False}
        raw = self._pool.fetch("/tokenize", json.dumps(body).encode())
        try:
            tokens = json.loads(raw or b"")["tokens"]
            return [int(token) for token in tokens]
        except (ValueError, KeyError, TypeError):
            return None


def _fill(n_chars: int) -> str:
    """Return words of about so many characters."""
    words = "one two three four five six seven eight nine ten "
    return (words * (n_chars // len(words) + 1))[:n_chars].rsplit(" ", 1)[0]
