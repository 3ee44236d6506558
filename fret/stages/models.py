"""The language models of a run: built from the pipeline file when asked for, and what they cost."""

from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from fret.config import Model, OpenAIModel, PipelineSettings, ScriptedModel, TransformersModel
from fret.llm.answers import AnswerStore
from fret.llm.background import Background
from fret.llm.budget import Price, Purse
from fret.llm.counting import CountingLLM
from fret.llm.findings import Finding, recall, require, warn_of_shutdown
from fret.llm.forms import Form
from fret.llm.local import TransformersLLM
from fret.llm.pool import Pool
from fret.llm.probe import probe
from fret.llm.scripted import ScriptedLLM
from fret.llm.sender import OpenAISender
from fret.llm.shared import Pacing, Shared
from fret.llm.shelf import Shelf
from fret.llm.stored import Source
from fret.llm.types import LLM, Tally
from fret.llm.weights import identify_weights
from fret.stages.keys import read_key
from fret.stages.lanes import LANES, Lanes
from fret.stages.prices import price_of, sum_costs


def identity_of_model(model: OpenAIModel | TransformersModel | ScriptedModel) -> dict[str, Any]:
    """Return what of a language model can change its answers."""
    match model:
        case ScriptedModel():
            return {"server": model.label, "model": model.model}
        case TransformersModel():
            # Not the path: a folder that is moved is the same model.
            fields = {"dtype", "chat_template_kwargs"}
            return {"weights": identify_weights(model.model), **model.model_dump(include=fields)}
        case OpenAIModel():
            fields = {"model", "extra_body", "ways"}
            return {"server": model.label, **model.model_dump(include=fields)}


_PLAIN_WAYS = {"json_schema", "json_object", "top_logprobs", "text", "echo"}

# For models without a server: only the length of what they would be asked is of interest.
_ANY_FORMS = {
    kind: Form(kind, way, "", {})
    for kind, way in {"chat": "text", "labels": "text", "likelihood": "echo"}.items()
}


class Models:
    """Built once per run of a pipeline; closes what it opened.

    Args:
        tell: called with what a person should know.
        ask_failed_again: ask anew where earlier answers could not be used.
        lane: how requests travel: `live`, `batch`, `file`, or `count` to count them and send none.
    """

    def __init__(
        self,
        settings: PipelineSettings,
        *,
        tell: Callable[[str], None],
        ask_failed_again: bool = False,
        lane: str = "live",
    ) -> None:
        self._settings, self._tell, self._ask_failed_again = settings, tell, ask_failed_again
        self._lane = lane
        self._kinds: dict[str, dict[str, int]] = {}
        self._llms: dict[str, LLM] = {}
        self.lanes = Lanes(settings, lane, open_store=lambda: self._open().store, tell=tell)
        """What is out by batch or file."""
        self._shared: Shared | None = None

    def get(self, name: str) -> LLM:
        if name not in self._llms:
            self._llms[name] = self._build(name)
        return self._llms[name]

    def expect(self, kinds: dict[str, dict[str, int]]) -> None:
        """Say what will be asked: for each model the kinds of request, with the longest prompt."""
        self._kinds = kinds

    def check(self, name: str, kinds: dict[str, int]) -> None:
        """Make sure, before any work, that a model is there and can do what it will be asked.

        Args:
            kinds: each kind of request, with the characters of the longest prompt.

        Raises:
            UserError: it is not there, or cannot.
            ModelError: its server refuses the key.
        """
        self._kinds[name] = kinds
        model = self._settings.models[name]
        if self._lane == "batch" and isinstance(model, OpenAIModel):
            # Tried out live, before a batch of thousands learns the same.
            pool = self._build_pool(name, model)
            try:
                require(pool.name, self._probe(name, pool, kinds, afresh=False), pool.name)
            finally:
                pool.close()
            return
        llm = self.get(name)
        if isinstance(llm, Pool):
            require(llm.name, self._probe(name, llm, kinds, afresh=False), llm.name)
        elif isinstance(llm, TransformersLLM):
            llm.reach()

    def examine(self, name: str, kinds: dict[str, int]) -> list[Finding]:
        """Ask a server afresh what a model can do."""
        llm = self.get(name)
        if isinstance(llm, Pool):
            return self._probe(name, llm, kinds, afresh=True)
        if isinstance(llm, TransformersLLM):
            llm.reach()
        return [Finding(kind, True, "in this process") for kind in sorted(kinds)]

    def price(self, name: str) -> Price | None:
        """Return what a model costs; None when the pipeline file does not say."""
        return price_of(self._settings.models[name])

    def usage(self) -> dict[str, float]:
        """Return requests, tokens and money so far, over all models."""
        return {
            field.name: sum(getattr(llm.tally, field.name) for llm in self._llms.values())
            for field in fields(Tally)
        }

    def close(self) -> None:
        for llm in self._llms.values():
            if isinstance(llm, Pool | TransformersLLM):
                llm.close()
        self.lanes.discard()
        self._llms.clear()
        if self._shared is not None:
            self._shared.background.close()
            self._shared.store.close()
            self._shared = None

    def _probe(
        self, name: str, pool: Pool, kinds: dict[str, int], *, afresh: bool
    ) -> list[Finding]:
        model = self._settings.models[name]
        assert isinstance(model, OpenAIModel)
        for listed in pool.reach():
            if warning := warn_of_shutdown(listed, model.model):
                self._tell(warning)
        return probe(pool, kinds, model.ways.model_dump(), afresh=afresh)

    def _build(self, name: str) -> LLM:
        model = self._settings.models[name]
        if self._lane == "count":
            return CountingLLM(self._make_shelf(name, model))
        match model:
            case ScriptedModel():
                return ScriptedLLM(seed=model.seed)
            case TransformersModel():
                return TransformersLLM(
                    model.model,
                    store=self._open().store,
                    device=model.device,
                    dtype=model.dtype,
                    batch_tokens=model.batch_tokens,
                    chat_template_kwargs=model.chat_template_kwargs,
                    run=self._settings.run,
                )
            case OpenAIModel():
                if self._lane in LANES:
                    return self.lanes.build_spool(name, model, self._make_shelf(name, model))
                return self._build_pool(name, model)

    def _make_shelf(self, name: str, model: Model) -> Shelf:
        """Return what the store says of a model's requests, asked as an earlier probe found."""
        store = self._open().store
        forms = make_forms(model) if isinstance(model, OpenAIModel) else dict(_ANY_FORMS)
        source = Source(model.label, model.model, self._settings.run, self._lane)
        if self._lane == "file" and isinstance(model, OpenAIModel):
            forms = _choose_plain(forms, model)
        for kind, longest in self._kinds.get(name, {}).items():
            ways = model.ways.model_dump()[kind] if isinstance(model, OpenAIModel) else []
            if found := recall(store, source, forms[kind], ways, longest):
                forms[kind] = replace(forms[kind], way=found.way, label_ids=found.label_ids)
        return Shelf(store, source, forms, ask_failed_again=self._ask_failed_again)

    def _build_pool(self, name: str, model: OpenAIModel) -> Pool:
        api_key, share = read_key(name, model), -(-model.concurrency // len(model.addresses))

        def make_senders() -> list[OpenAISender]:
            return [
                OpenAISender(
                    base_url=url, api_key=api_key, concurrency=share, timeout_s=model.timeout_s
                )
                for url in model.addresses
            ]

        return Pool(
            Source(model.label, model.model, self._settings.run),
            make_senders=make_senders,
            forms=make_forms(model),
            shared=self._open(),
            pacing=Pacing(
                model.concurrency,
                model.prompts_per_request,
                model.requests_per_minute,
                model.tokens_per_minute,
                model.patience_s,
            ),
            price=price_of(model),
            ask_failed_again=self._ask_failed_again,
        )

    def _open(self) -> Shared:
        """Open what all models share, with the money that the run has spent so far."""
        if self._shared is None:
            store = AnswerStore(Path(self._settings.answers))
            budget = self._settings.budget
            spent = sum_costs(self._settings, store.get_spent(self._settings.run))
            purse = Purse(cap=budget.usd if budget else None, spent=spent or 0.0)
            self._shared = Shared(store, Background(), purse, self._tell)
        return self._shared


def _choose_plain(forms: dict[str, Form], model: OpenAIModel) -> dict[str, Form]:
    """Return ways that any engine reading batch files knows, for there may be no server to ask."""
    ways: dict[str, list[str]] = model.ways.model_dump()
    plain = {kind: [way for way in ways[kind] if way in _PLAIN_WAYS] or ways[kind] for kind in ways}
    return {kind: replace(form, way=plain[kind][0]) for kind, form in forms.items()}


def make_forms(model: OpenAIModel) -> dict[str, Form]:
    """Return the first way of each kind of request; a probe may choose another."""
    return {
        kind: Form(kind, ways[0], model.model, model.extra_body)
        for kind, ways in model.ways.model_dump().items()
    }
