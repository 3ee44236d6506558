"""QL and RC of tiny models by hand: for each kind of tokenizer, in process and through a server.

By hand: one plain forward pass over the whole text, a softmax over all scores, and the boundary
found by cutting the text, with no help of what is tested.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import (
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast, Qwen3Config

import llm_brain
from fret.config import OpenAIModel, PipelineSettings
from fret.llm.answers import AnswerStore
from fret.llm.local import TransformersLLM
from fret.llm.types import LLM
from fret.prompts import Prompt, load_prompt
from fret.records import Passage, Query
from fret.scorers import Score
from fret.scorers.query_likelihood import QueryLikelihoodScorer
from fret.scorers.relevance import LABELS, RelevanceScorer
from fret.stages.models import Models
from llm_server import LLMServer
from llm_speaker import Body, Logprobs, render_chat, token_item

CORPUS = [
    "A kettle descales best with vinegar. Sweep the flue before the first frost of the year.",
    "Title: Passage: Task: Query: Relevance (0-3): 0 1 2 3 with one digit and nothing else.",
    "Passage: 水壶用醋除垢最好。炉灶需要干净的烟道。 Query: 怎么清洗水壶",
    "Emoji 🍵🔥🧊 and accents: café, naïve, Größe. how to clean a kettle",
] * 8
ALPHABET = sorted({c for text in CORPUS for c in text} | set(map(chr, range(33, 127))) | {"é"})
TEMPLATE = (
    "{% for m in messages %}<|{{ m.role }}|>\n{{ m.content }}\n{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>\n{% endif %}"
)

QUERIES = [
    "how to clean a kettle",
    " begins with a space",
    "3 kettles",
    "怎么清洗水壶",
    "🧊 and 🍵?",
    "Größe",
]
PASSAGES = [
    Passage("1", "p", 0, "Kettles", "A kettle descales best with vinegar.", "en", 0, ""),
    Passage("2", "p", 0, "", "水壶用醋除垢最好。", "zh", 0, ""),
]


def make_prompt(tmp: Path, job: str) -> Prompt:
    """The shipped prompt with fewer examples: its form is what matters here."""
    import yaml

    data = yaml.safe_load((Path(__file__).parents[1] / f"prompts/{job}.yaml").read_text("utf-8"))
    path = tmp / f"{job}.yaml"
    path.write_text(yaml.safe_dump({**data, "examples": data["examples"][:1]}), "utf-8")
    return load_prompt(str(path), job)


# Tokenizers: how each one cuts a text, and how a server shows its tokens.


def train(kind: str) -> Tokenizer:
    special = ["<s>", "[UNK]"]
    match kind:
        case "byte-level":
            made = Tokenizer(models.BPE())
            made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            made.decoder = decoders.ByteLevel()
            alphabet = pre_tokenizers.ByteLevel.alphabet()
            trainer: Any = trainers.BpeTrainer(
                vocab_size=600, special_tokens=special, initial_alphabet=alphabet
            )
        case "sentencepiece":
            made = Tokenizer(models.Unigram())
            made.pre_tokenizer = pre_tokenizers.Metaspace()
            made.decoder = decoders.Metaspace()
            trainer = trainers.UnigramTrainer(
                vocab_size=600,
                special_tokens=special,
                unk_token="[UNK]",
                initial_alphabet=[*ALPHABET, "▁", "\n"],
            )
        case _:
            made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
            made.normalizer = normalizers.Lowercase()
            made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
            made.decoder = decoders.WordPiece()
            trainer = trainers.WordPieceTrainer(
                vocab_size=600, special_tokens=special, initial_alphabet=ALPHABET
            )
    trainer.show_progress = False
    # Words that hold each letter in their middle too, where word-piece tokens differ.
    made.train_from_iterator([*CORPUS, *(f"x{letter}" for letter in ALPHABET)], trainer)
    begin = [("<s>", made.token_to_id("<s>"))]
    made.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=begin)
    return made


KINDS = ("byte-level", "sentencepiece", "wordpiece")


class Tiny:
    """A random model with one kind of tokenizer, and what it says, worked out by hand."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind, self.folder = kind, folder
        self._known: dict[tuple[int, ...], Any] = {}
        self.tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=train(kind),
            bos_token="<s>",
            unk_token="[UNK]",
            chat_template=TEMPLATE,
        )
        torch.manual_seed(0)
        config = Qwen3Config(
            vocab_size=len(self.tokenizer),
            hidden_size=64,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=16,
            max_position_embeddings=2048,
            initializer_range=0.15,
            bos_token_id=None,
            eos_token_id=None,
        )
        self.model = AutoModelForCausalLM.from_config(config).eval()
        self.model.save_pretrained(folder)
        self.tokenizer.save_pretrained(folder)

    def logprobs(self, ids: list[int]) -> Any:
        """Log-probabilities of all tokens after each of these: a softmax by hand."""
        if tuple(ids) not in self._known:
            with torch.inference_mode():
                scores = self.model(torch.tensor([ids])).logits[0].double()
            self._known[tuple(ids)] = scores - scores.exp().sum(-1, keepdim=True).log()
        return self._known[tuple(ids)]

    def likelihood(self, prompt: str, continuation: str) -> tuple[float, int]:
        """The sum over the tokens that are not those of the prompt alone, and their number."""
        whole = self.tokenizer(prompt + continuation)["input_ids"]
        # With this prompt and these queries no token stands across the boundary, so the prompt's
        # own tokens begin the whole text's.
        alone = self.tokenizer(prompt)["input_ids"]
        assert whole[: len(alone)] == alone
        table = self.logprobs(whole)
        logprobs = [float(table[i - 1, whole[i]]) for i in range(len(alone), len(whole))]
        return math.fsum(logprobs), len(logprobs)

    def mass_of(self, label: str, prompt: list[int]) -> float:
        """The probability that a label is what comes next, in whatever way it may be said."""
        table = self.logprobs(prompt)[-1].exp()
        mass = sum(float(table[i]) for i, said in enumerate(self.texts) if said.strip() == label)
        whole = self.chat_ids(label)
        if len(whole) > 1:  # sentencepiece may put an empty piece before a digit
            after = self.logprobs([*prompt, *whole])[len(prompt) - 1 :]
            mass += math.exp(sum(float(after[i, token]) for i, token in enumerate(whole)))
        return mass

    def chat_ids(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    @cached_property
    def texts(self) -> list[str]:
        """Each token as text, as it is decoded alone."""
        return [self.tokenizer.decode([i]) for i in range(len(self.tokenizer))]

    def shown(self, token: int) -> str:
        """A token as servers show it."""
        return "<s>" if token == self.tokenizer.bos_token_id else self.texts[token]


@pytest.fixture(scope="module")
def tinies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Tiny]:
    return {kind: Tiny(kind, tmp_path_factory.mktemp(kind)) for kind in KINDS}


@pytest.fixture(params=KINDS)
def tiny(request: pytest.FixtureRequest, tinies: dict[str, Tiny]) -> Tiny:
    return tinies[request.param]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnswerStore]:
    opened = AnswerStore(tmp_path / "local.sqlite")
    yield opened
    opened.close()


def query(text: str) -> Query:
    return Query(text, None, "Find it.", text, "en", "", "file", "", "", 0)


def score(scorer: Any, queries: list[str]) -> list[tuple[str, Passage, Score]]:
    groups = [(query(text), PASSAGES) for text in queries]
    return [
        (text, passage, score)
        for text, scores in zip(queries, scorer.score(groups), strict=True)
        for passage, score in zip(PASSAGES, scores, strict=True)
    ]


def check_likelihoods(tiny: Tiny, llm: LLM, tmp_path: Path, queries: list[str]) -> None:
    prompt = make_prompt(tmp_path, "query_likelihood")
    for made_of in ("mean", "sum"):
        scorer = QueryLikelihoodScorer(llm, prompt, made_of=made_of)  # type: ignore[arg-type]
        for text, passage, found in score(scorer, queries):
            given = prompt.as_text(passage=passage.text, title=passage.title, task="Find it.")
            logprob, n_tokens = tiny.likelihood(given, f" {text}")
            assert found.n_tokens == n_tokens, (text, found)
            assert found.logprob == pytest.approx(logprob, abs=1e-4)
            value = logprob / n_tokens if made_of == "mean" else logprob
            assert found.value == pytest.approx(value, abs=1e-4)


# In process.


def test_query_likelihood_in_process_is_that_by_hand(
    tiny: Tiny, store: AnswerStore, tmp_path: Path
) -> None:
    check_likelihoods(tiny, TransformersLLM(tiny.folder, store=store), tmp_path, QUERIES)


def test_relevance_in_process_is_that_by_hand(
    tiny: Tiny, store: AnswerStore, tmp_path: Path
) -> None:
    prompt = make_prompt(tmp_path, "relevance")
    llm = TransformersLLM(tiny.folder, store=store)
    for made_of in ("expected", "peak", "label"):
        scorer = RelevanceScorer(llm, prompt, made_of=made_of)  # type: ignore[arg-type]
        for text, passage, found in score(scorer, QUERIES):
            given = {"passage": passage.text, "title": passage.title, "task": "Find it."}
            messages = prompt.as_chat(**given, query=text)
            body = {"messages": [{"role": role, "content": said} for role, said in messages]}
            mass = [tiny.mass_of(label, tiny.chat_ids(render_chat(body))) for label in LABELS]
            expected = sum(grade * p for grade, p in enumerate(mass)) / sum(mass)
            value = {
                "expected": expected,
                "peak": math.log(mass[3]),
                "label": float(mass.index(max(mass))),
            }
            assert found.value == pytest.approx(value[made_of], abs=1e-4)
            assert found.grade == pytest.approx(expected, abs=1e-4)
            assert found.label_logprobs == pytest.approx(list(map(math.log, mass)), abs=1e-4)


# Through a server.


class ByTokenizer(llm_brain.Tokenizer):
    """What the test server asks of a tokenizer, by a real one."""

    def __init__(self, tiny: Tiny) -> None:
        self._tiny = tiny
        super().__init__()

    def ids(self, text: str) -> list[int]:
        return self._tiny.chat_ids(text)

    def pieces(self, text: str) -> list[str]:
        return [self._tiny.shown(i) for i in self.ids(text)]

    def id_of(self, piece: str) -> int:
        return 0 if piece not in self._tiny.texts else self._tiny.texts.index(piece)

    def text_of(self, number: int) -> str:
        return self._tiny.shown(number)


class ModelServer(LLMServer):
    """The test server with a real model behind it."""

    def serve(self, tiny: Tiny) -> None:
        self.tiny, self.tokenizer = tiny, ByTokenizer(tiny)

    def score(self, prompt: str) -> tuple[list[str], Logprobs]:
        ids = self.tiny.tokenizer(prompt)["input_ids"]
        table = self.tiny.logprobs(ids)
        values = [float(table[i - 1, ids[i]]) for i in range(1, len(ids))]
        return list(map(self.tiny.shown, ids)), [None, *values]

    def _next(self, prompt: str) -> Any:
        # What the server hands on is the last user's text; the model sees the whole conversation.
        return self.tiny.logprobs(self.tiny.chat_ids(self.rendered))[-1]

    def top_tokens(self, prompt: str) -> list[Body]:
        best = self._next(prompt).topk(20)
        return [
            token_item(self.tiny.shown(int(i)), float(value))
            for value, i in zip(best.values, best.indices, strict=True)
        ]

    def logprob_of_id(self, token: int, prompt: str) -> float:
        return float(self._next(prompt)[token])

    def admit(self, prompt: str) -> int:
        self.rendered = prompt
        return super().admit(prompt)


@pytest.fixture
def model_server(tiny: Tiny) -> Iterator[ModelServer]:
    with ModelServer() as running:
        running.serve(tiny)
        yield running


def open_models(server: LLMServer, tmp_path: Path, **ways: list[str]) -> Models:
    settings = PipelineSettings.model_validate(
        {
            "run": "r",
            "answers": str(tmp_path / "answers.sqlite"),
            "models": {
                "m": {
                    "backend": "openai",
                    "base_url": server.url,
                    "model": "tiny",
                    "concurrency": 1,
                    "ways": ways,
                }
            },
            "pages": {"source": {"kind": "html", "path": "p"}},
            "queries": {"writer": {"kind": "template"}},
            "judgements": {"scorers": [{"kind": "unigram"}]},
        }
    )
    assert isinstance(settings.models["m"], OpenAIModel)
    return Models(settings, tell=print)


@pytest.mark.parametrize(
    ("flavour", "way"), [("vllm", "echo"), ("vllm", "prompt_logprobs"), ("sglang", "generate")]
)
def test_query_likelihood_through_a_server_is_that_by_hand(
    model_server: ModelServer, tmp_path: Path, flavour: Any, way: str
) -> None:
    model_server.flavour, tiny = flavour, model_server.tiny
    queries = QUERIES
    if tiny.kind == "wordpiece":  # which has no tokens for ice and tea, and shows them as [UNK]
        queries = [text for text in queries if "[UNK]" not in tiny.tokenizer.tokenize(text)]
    assert len(queries) >= 4
    models = open_models(model_server, tmp_path, likelihood=[way])
    try:
        check_likelihoods(tiny, models.get("m"), tmp_path, queries)
    finally:
        models.close()


def test_a_boundary_that_cannot_be_seen_is_a_failure_and_no_number(
    tinies: dict[str, Tiny], tmp_path: Path
) -> None:
    """Where a token of spaces shows as nothing, and the boundary is between two spaces."""
    shipped = make_prompt(tmp_path, "query_likelihood")
    prompt = replace(shipped, shot=f"{shipped.shot} ", answer="{{ query }}")
    with ModelServer() as server:
        server.flavour = "vllm"
        server.serve(tinies["sentencepiece"])
        models = open_models(server, tmp_path, likelihood=["echo"])
        for _, _, found in score(QueryLikelihoodScorer(models.get("m"), prompt), [" a space"]):
            assert found == Score(None, fallback="failed: unreadable_answer")
        models.close()


def test_relevance_through_a_server_is_that_by_hand(
    model_server: ModelServer, tmp_path: Path
) -> None:
    """By the tokens that are likeliest: of those, a label that is absent is bounded and marked."""
    prompt, tiny = make_prompt(tmp_path, "relevance"), model_server.tiny
    models = open_models(model_server, tmp_path, labels=["top_logprobs"])
    n_whole = n_failed = 0
    try:
        for text, passage, found in score(RelevanceScorer(models.get("m"), prompt), QUERIES):
            given = {"passage": passage.text, "title": passage.title, "task": "Find it."}
            messages = prompt.as_chat(**given, query=text)
            body = {"messages": [{"role": role, "content": said} for role, said in messages]}
            best = tiny.logprobs(tiny.chat_ids(render_chat(body)))[-1].topk(20)
            by_label: dict[str, list[float]] = {label: [] for label in LABELS}
            for value, i in zip(best.values, best.indices, strict=True):
                by_label.get(tiny.texts[int(i)].strip(), []).append(math.exp(float(value)))
            if not any(by_label.values()):
                assert found == Score(None, fallback="failed: unreadable_answer")
                n_failed += 1
                continue
            n_whole += 1
            least = min(float(best.values[-1]), math.log(1 - float(best.values.exp().sum())))
            expected = [math.log(sum(p)) if p else least for p in by_label.values()]
            assert found.label_logprobs == pytest.approx(expected, abs=1e-4)
            missing = ",".join(label for label, p in by_label.items() if not p)
            assert found.fallback == (f"bounded labels: {missing}" if missing else "")
    finally:
        models.close()
    assert n_whole + n_failed == len(QUERIES) * len(PASSAGES)
