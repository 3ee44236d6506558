"""Tasks and queries by a language model, from a few-shot prompt, as in Gecko's FRet."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from fret.language.words import count_content
from fret.llm.types import LLM
from fret.prompts import Prompt
from fret.reasons import Reason
from fret.records import Dropped, Passage, Query, hash_json
from fret.writers import Tick
from fret.writers.steering import Steering
from fret.writers.steps import Asking, ChooseStep, Draft, RewriteStep, Step, WriteStep, take_reply


@dataclass(frozen=True)
class Plan:
    """How queries are written.

    `prompts` are the variants of one prompt; `choosing` and `rewriting` are the prompts of steps
    before and after, None for no such step.
    """

    prompts: Sequence[Prompt]
    per_passage: int
    temperature: float
    max_tokens: int
    choosing: Prompt | None = None
    n_personas: int = 5
    rewriting: Prompt | None = None
    rewrite_above: float = 0.5
    more_above_words: int | None = None
    """More than one query only where the first has more content words than this."""

    @property
    def n_steps(self) -> int:
        return 1 + (self.choosing is not None) + (self.rewriting is not None)

    def hash_prompts(self, prompt: Prompt) -> str:
        """Return what stands for a variant, and the prompts of the other steps, in ids."""
        others = [p.hash for p in (self.choosing, self.rewriting) if p]
        return hash_json([prompt.hash, *others])[:16] if others else prompt.hash


class LlmWriter:
    """Asks a chat model for a task and a query, `per_passage` times for each passage."""

    name = "llm"

    def __init__(self, llm: LLM, plan: Plan, steering: Steering) -> None:
        self._llm, self._plan, self._steering = llm, plan, steering
        asking = Asking(plan.temperature, plan.max_tokens)
        self._variants = {prompt.variant: prompt for prompt in plan.prompts}
        self._steps: list[Step] = []
        if plan.choosing:
            step = ChooseStep(plan.choosing, asking, steering, n_personas=plan.n_personas)
            self._steps.append(step)
        self._steps.append(WriteStep(plan.prompts, asking))
        if plan.rewriting:
            self._steps.append(RewriteStep(plan.rewriting, asking, above=plan.rewrite_above))

    def write(
        self, passages: Iterable[Passage], tick: Tick = lambda: None
    ) -> Iterator[Query | Dropped]:
        """Yield queries in the order of their seeds.

        Args:
            tick: called once for each query and step; for a query that is not worth writing once
                more: its caller does so for those that are.
        """
        by_passage = [[self._begin(passage, 0)] for passage in passages]
        n_more = self._plan.per_passage - 1
        if self._plan.more_above_words is None:
            for drafts in by_passage:
                drafts += self._begin_more(drafts[0])
            self._run([draft for drafts in by_passage for draft in drafts], tick)
        else:
            self._run([drafts[0] for drafts in by_passage], tick)
            for drafts in by_passage:
                if self._is_worth_more(drafts[0]):
                    drafts += self._begin_more(drafts[0])
                else:
                    for _ in range(n_more * (self._plan.n_steps + 1)):
                        tick()
            self._run([draft for drafts in by_passage for draft in drafts[1:]], tick)
        for drafts in by_passage:
            yield from self._finish(drafts)

    def _begin(self, passage: Passage, sample: int) -> Draft:
        variant = self._steering.pick("variant", list(self._variants), (passage.id, 0))
        wish = self._steering.draw(passage, sample)
        return Draft(passage, sample, wish, self._variants[variant])

    def _begin_more(self, first: Draft) -> list[Draft]:
        """Begin the further queries of a passage."""
        more = [self._begin(first.passage, n) for n in range(1, self._plan.per_passage)]
        if self._plan.more_above_words is not None:
            # They were allowed for this kind of need and this length, so they are of them too.
            kept = {"task_type": first.wish.task_type, "length": first.wish.length}
            for draft in more:
                draft.wish = replace(draft.wish, **kept)
        return more

    def _is_worth_more(self, first: Draft) -> bool:
        if first.failure is not None:
            return first.is_counted
        limit = self._plan.more_above_words or 0
        return count_content(first.text, first.language) > limit

    def _run(self, drafts: Sequence[Draft], tick: Tick) -> None:
        """Take drafts through all steps, each step for all of them."""
        for step in self._steps:
            wanting = [d for d in drafts if (not d.failure or d.is_counted) and step.wants(d)]
            for _ in range(len(drafts) - len(wanting)):
                tick()
            replies = self._llm.ask(step.request(draft) for draft in wanting)
            for draft, reply in zip(wanting, replies, strict=True):
                take_reply(step, draft, reply)
                tick()

    def _finish(self, drafts: Iterable[Draft]) -> Iterator[Query | Dropped]:
        """Make a passage's queries, each of them once."""
        written: set[tuple[str, str]] = set()
        for draft in drafts:
            if draft.failure:
                reason, detail = draft.failure.kind, draft.failure.detail
                yield Dropped("queries", draft.passage.id, reason, detail)
                continue
            query = self._make_query(draft)
            if (query.task, query.text) in written:
                detail = f"sample {query.sample} repeats {query.text[:80]!r}"
                yield Dropped("queries", query.id, Reason.DUPLICATE_QUERY, detail)
            else:
                written.add((query.task, query.text))
                yield query

    def _make_query(self, draft: Draft) -> Query:
        wish, prompt_hash = draft.wish, self._plan.hash_prompts(draft.prompt)
        attributes = (self._llm.name, *wish.parts())
        return Query(
            id=Query.make_id(draft.passage.id, prompt_hash, attributes, draft.sample),
            passage_id=draft.passage.id,
            task=draft.task,
            text=draft.text,
            language=draft.language,
            task_type=draft.task_type,
            writer=self.name,
            model=self._llm.name,
            prompt_hash=prompt_hash,
            sample=draft.sample,
            query_type=wish.query_type,
            length=wish.length,
            difficulty=wish.difficulty,
            persona=wish.persona,
            variant=draft.prompt.variant,
            draft=draft.first,
        )
