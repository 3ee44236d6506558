"""The whole chain with a language model behind a local server."""

import math
from pathlib import Path

import pytest

import fret
from fret.errors import ModelError, StageError, UserError
from fret.records import Example, Judgement, Passage, Query
from llm_server import Brain, LLMServer, passage_in, write_from


def test_llm_pipeline_yields_a_complete_dataset(llm_pipeline: Path, server: LLMServer) -> None:
    pipeline = fret.load(llm_pipeline)
    folder = pipeline.run()
    assert folder is not None and (folder / "README.md").exists()
    dataset = pipeline.dataset()
    assert dataset["train"].column_names == ["anchor", "positive", "negative", "negative_2"]
    passages = {p.id: p for p in pipeline.rows(Passage)}
    queries = {q.id: q for q in pipeline.rows(Query)}
    assert len(queries) == 2 * len(passages) >= 24
    for query in queries.values():
        seed = passages[query.passage_id or ""]
        assert {"task": query.task, "query": query.text} == write_from(
            f"Title: {seed.title}\n{seed.text}", query.sample
        )
        assert query.model == "tiny"
    examples = list(pipeline.rows(Example))
    assert len(examples) >= 12
    assert sum(len(dataset[split]) for split in dataset) == len(examples)


@pytest.mark.parametrize(
    ("begin", "offsets"), [("", True), ("<s>", True), ("<|begin_of_text|>", True), ("", False)]
)
def test_judgements_hold_what_the_log_probabilities_say(
    llm_pipeline: Path, server: LLMServer, begin: str, offsets: bool
) -> None:
    """Whatever the server's tokenizer puts before a text, and whatever it says of offsets."""
    server.brain = Brain(begin=begin, offsets=offsets)
    pipeline = fret.load(llm_pipeline)
    pipeline.run()
    passages = {p.id: p for p in pipeline.rows(Passage)}
    queries = {q.id: q for q in pipeline.rows(Query)}
    for judgement in pipeline.rows(Judgement):
        query = queries[judgement.query_id]
        likelihood, relevance = judgement.scorings
        assert (likelihood.scorer, relevance.scorer) == ("query_likelihood", "relevance")
        for i, passage_id in enumerate(judgement.passage_ids):
            text = passages[passage_id].text
            tokens = [server.brain.token_logprob(f" {w}", text) for w in query.text.split()]
            assert likelihood.logprobs[i] == pytest.approx(sum(tokens), abs=1e-9)
            assert likelihood.n_tokens[i] == len(tokens)
            assert likelihood.scores[i] == pytest.approx(sum(tokens) / len(tokens), abs=1e-9)
            titled = f"Title: {passages[passage_id].title}\n{text}"
            logprobs = server.brain.label_logprobs(query.text, titled)
            expected = sum(grade * math.exp(lp) for grade, lp in enumerate(logprobs))
            assert relevance.scores[i] == pytest.approx(expected, abs=1e-9)
            assert relevance.label_logprobs[i] == pytest.approx(tuple(logprobs), abs=1e-9)


def test_positive_moves_from_the_seed_where_the_scores_say_so(
    llm_pipeline: Path, server: LLMServer
) -> None:
    """The model finds one other passage better for every query, by both of its measures."""

    def is_best(text: str) -> bool:
        return "The cleaning takes about twenty minutes" in text and "kettle" in text

    class Partial(Brain):
        def token_logprob(self, token: str, passage: str) -> float:
            return -0.01 if is_best(passage) else super().token_logprob(token, passage)

    server.brain = Partial(grade=lambda query, passage: 3.0 if is_best(passage) else 0.5)
    pipeline = fret.load(llm_pipeline)
    pipeline.run()
    passages = {p.id: p for p in pipeline.rows(Passage)}
    examples = {e.query_id: e for e in pipeline.rows(Example)}
    n_moved = 0
    for judgement in pipeline.rows(Judgement):
        best = [p for p in judgement.passage_ids if is_best(passages[p].text)]
        example = examples.get(judgement.query_id)
        if best and example:
            assert example.positive_id == best[0]
            assert example.positive_is_seed == (example.seed_id == best[0])
            n_moved += example.positive_is_seed is False
    assert n_moved >= 5


def test_second_run_asks_nothing(llm_pipeline: Path, server: LLMServer) -> None:
    fret.load(llm_pipeline).run()
    before = len(server.asked)
    fret.load(llm_pipeline).run()
    assert len(server.asked) == before


def test_redo_takes_all_answers_from_the_store(llm_pipeline: Path, server: LLMServer) -> None:
    fret.load(llm_pipeline).run()
    before, usage = len(server.asked), [m.usage for m in fret.load(llm_pipeline).status()]
    fret.load(llm_pipeline).run(redo="pages")
    assert len(server.asked) == before
    assert [m.usage for m in fret.load(llm_pipeline).status()] == usage and usage[2]["requests"] > 0


def test_every_fault_of_the_server_is_survived(llm_pipeline: Path, server: LLMServer) -> None:
    """Each kind once, over the run; what comes out equals a run without faults."""
    faults = ["500", "429 soon", "cut", "html", "cut json", "error 200", "503", "prose"]
    fret.load(llm_pipeline, overrides=["run=calm", "answers=calm.sqlite"]).run()
    for fault in faults:
        server.fail("ok", "ok", "ok", fault)
    fret.load(llm_pipeline, overrides=["run=rough", "answers=rough.sqlite"]).run()
    calm, rough = (
        list(fret.load(llm_pipeline, overrides=[f"run={r}"]).rows(Example))
        for r in ("calm", "rough")
    )
    assert calm == rough


def test_a_model_that_never_answers_properly_drops_rows_with_reasons(
    llm_pipeline: Path, server: LLMServer
) -> None:
    refused = "kettle"

    def write(passage: str, seed: int) -> dict[str, str]:
        return {"task": "", "query": ""} if refused in passage else write_from(passage, seed)

    server.brain = Brain(write=write)
    pipeline = fret.load(llm_pipeline)
    pipeline.run(["pages", "passages", "queries"])
    manifest = pipeline.status()[2]
    n_refused = sum(refused in p.text for p in pipeline.rows(Passage))
    assert manifest.reasons == {"unreadable_answer": 2 * n_refused}
    assert manifest.read * 2 == manifest.rows + manifest.dropped
    asked = [a for a in server.asked if refused in a.body["messages"][-1]["content"]]
    assert len(asked) == 2 * 2 * n_refused  # one new attempt each, no more


def test_quota_stops_the_run_and_keeps_what_was_answered(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.fail(*["ok"] * 10, "quota")
    with pytest.raises(ModelError, match="quota"):
        fret.load(llm_pipeline).run()
    fret.load(llm_pipeline).run()
    assert server.repeats == 0


def test_a_server_that_is_not_there_is_told_before_anything_is_written(llm_pipeline: Path) -> None:
    pipeline = fret.load(llm_pipeline, overrides=["models.teacher.base_url=http://127.0.0.1:9/v1"])
    with pytest.raises(UserError, match="nothing answers"):
        pipeline.run()
    assert sorted(p.name for p in llm_pipeline.parent.iterdir()) == [
        "llm.yaml",
        "pages",
        "pages.jsonl",
    ]


def test_a_server_without_prompt_log_probabilities_is_told_before_work(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.flavour = "llamacpp"  # chat and labels work
    with pytest.raises(UserError, match=r"query_likelihood.*needs"):
        fret.load(llm_pipeline).run()
    assert not list(llm_pipeline.parent.glob("data/runs/*"))


def test_a_wrong_key_stops_with_exit_status_3(llm_pipeline: Path, server: LLMServer) -> None:
    server.fail("401")
    with pytest.raises(ModelError, match="key is missing or wrong"):
        fret.load(llm_pipeline).run()


def test_a_key_that_is_not_set_is_told(llm_pipeline: Path) -> None:
    pipeline = fret.load(llm_pipeline, overrides=["models.teacher.api_key_env=FRET_TEST_NO_KEY"])
    with pytest.raises(UserError, match="FRET_TEST_NO_KEY is not set"):
        pipeline.run()


def test_the_passage_is_never_in_the_system_message(llm_pipeline: Path, server: LLMServer) -> None:
    fret.load(llm_pipeline).run()
    chats = [a.body["messages"] for a in server.asked if "messages" in a.body]
    chats = [messages for messages in chats if "probe0000000" not in messages[-1]["content"]]
    heads = {tuple(m["content"] for m in messages[:-1]) for messages in chats if len(messages) > 1}
    # Shared heads, which servers cache: one for each variant of writing, one for judging.
    assert len(heads) == 3
    for messages in chats:
        if len(messages) > 1:
            assert passage_in(messages[-1]["content"]) not in messages[0]["content"]


def test_redo_asks_anew_where_answers_could_not_be_used(
    llm_pipeline: Path, server: LLMServer
) -> None:
    """A run that goes on does not; but a person who has mended the server must get rows."""
    server.brain = Brain(write=lambda passage, seed: {"task": "", "query": ""})
    with pytest.raises(StageError, match="dropped all that it read: 48 unreadable_answer"):
        fret.load(llm_pipeline).run()
    before = len(server.asked)
    with pytest.raises(StageError):
        fret.load(llm_pipeline).run()
    assert len(server.asked) == before
    server.brain = Brain()
    fret.load(llm_pipeline).run(redo="queries")
    assert len(list(fret.load(llm_pipeline).rows(Query))) == 48


def test_an_answer_that_no_file_can_hold_costs_its_row_only(
    llm_pipeline: Path, server: LLMServer
) -> None:
    def write(passage: str, seed: int) -> dict[str, str]:
        return (
            {"task": "t", "query": "half \ud83d"}
            if "kettle" in passage
            else write_from(passage, seed)
        )

    server.brain = Brain(write=write)
    pipeline = fret.load(llm_pipeline)
    pipeline.run(["pages", "passages", "queries"])
    assert pipeline.status()[2].reasons == {"unreadable_answer": 12}


def test_a_service_without_completions_is_told_with_the_way_out(
    llm_pipeline: Path, server: LLMServer
) -> None:
    server.flavour, server.echo_status = "llamacpp", 404
    with pytest.raises(UserError, match=r"query_likelihood.*Take that scorer out"):
        fret.load(llm_pipeline).run()
