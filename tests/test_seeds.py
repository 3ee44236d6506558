"""Which passages are asked about, and that the choice stays as the corpus grows."""

import random
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import fret
from fret.errors import ConfigError
from fret.records import Passage, Query
from fret.retrieval.clusters import cluster_vectors
from fret.retrieval.model_files import MINILM, find_model
from fret.stages.seeds import host_of
from fret.writers.seeds import Place, SeedRules, choose_seeds, share_evenly
from llm_server import LLMServer
from test_steering import STAGES, add_page, prompts_to


def places(n: int, start: int = 0) -> list[Place]:
    """Five passages a page, ten pages a site; one in eight is German."""
    return [
        Place(
            f"{i:020x}",
            page=f"page {i // 5}",
            site=f"site {i // 50}",
            language="de" if i // 5 % 8 == 0 else "en",
        )
        for i in range(start, start + n)
    ]


def counts(found: list[Place], chosen: set[str], name: str) -> Counter[str]:
    return Counter(getattr(place, name) for place in found if place.passage_id in chosen)


def test_without_rules_all_are_chosen() -> None:
    assert len(choose_seeds(places(300), SeedRules(), 0)) == 300


def test_caps_hold_for_pages_sites_and_languages_together() -> None:
    found = places(1000)
    rules = SeedRules(per_page=2, per_site=12, per_language=100)
    chosen = choose_seeds(found, rules, 0)
    assert max(counts(found, chosen, "page").values()) <= 2
    assert max(counts(found, chosen, "site").values()) <= 12
    languages = counts(found, chosen, "language")
    assert languages["en"] == 100 and 20 < languages["de"] <= 50  # 25 pages, two of each at most


def test_a_fixed_number_is_drawn_fairly_or_in_even_shares() -> None:
    found = places(4000)
    plain = counts(found, choose_seeds(found, SeedRules(count=400), 0), "language")
    assert sum(plain.values()) == 400 and abs(plain["de"] - 50) < 21  # three deviations
    rules = SeedRules(count=400, balance="language")
    assert counts(found, choose_seeds(found, rules, 0), "language") == {"en": 200, "de": 200}
    by_site = counts(found, choose_seeds(found, SeedRules(count=163, balance="site"), 0), "site")
    assert set(by_site.values()) == {2, 3} and sum(by_site.values()) == 163
    assert len(choose_seeds(found, SeedRules(count=9999), 0)) == 4000


def test_small_groups_give_all_and_the_others_share_the_rest() -> None:
    assert share_evenly({"a": 2, "b": 50, "c": 50}, 22, 0) == {"a": 2, "b": 10, "c": 10}
    assert share_evenly({"a": 2, "b": 3}, 100, 0) == {"a": 2, "b": 3}
    assert sum(share_evenly({"a": 9, "b": 9, "c": 9}, 10, 0).values()) == 10


@pytest.mark.parametrize(
    "rules",
    [
        SeedRules(count=200),
        SeedRules(per_page=1, per_site=5),
        SeedRules(count=200, balance="language"),
        SeedRules(count=200, balance="site", per_page=2),
    ],
)
def test_of_the_old_passages_only_those_go_that_new_ones_push_out(rules: SeedRules) -> None:
    old, new = places(1000), places(20, start=1000)
    before, after = choose_seeds(old, rules, 3), choose_seeds([*old, *new], rules, 3)
    ids = {place.passage_id for place in new}
    n_new, n_gone = len(after & ids), len(before - after)
    assert n_gone <= n_new and len(before ^ after) <= 2 * n_new
    mixed = [*old, *new]
    random.Random(0).shuffle(mixed)
    assert choose_seeds(mixed, rules, 3) == after  # whatever the order
    assert choose_seeds(old, rules, 4) != before


def test_near_passages_come_into_one_group() -> None:
    centres = np.eye(4, 8, dtype=np.float32)
    noise = np.random.default_rng(0).normal(0, 0.05, (200, 8)).astype(np.float32)
    vectors = centres[np.arange(200) % 4] + noise
    rows = list(range(0, 200, 3))
    found = cluster_vectors(lambda r: vectors[r], 200, sample=rows, n_clusters=4, seed=0)
    assert all(len(set(found[i::4])) == 1 for i in range(4)) and len(set(found)) == 4
    again = cluster_vectors(lambda r: vectors[r], 200, sample=rows, n_clusters=4, seed=0)
    assert (found == again).all()


# -- in a pipeline


def run(path: Path, seeds: str, **settings: str) -> list[Query]:
    overrides = [f"queries.seeds={seeds}", *(f"{k}={v}" for k, v in settings.items())]
    pipeline = fret.load(path, overrides=overrides)
    pipeline.run(STAGES)
    return list(pipeline.rows(Query))


def test_what_is_not_drawn_is_counted_and_the_funnel_is_true(
    llm_pipeline: Path, server: LLMServer
) -> None:
    queries = run(llm_pipeline, "{count: 7, per_page: 1}", **{"queries.per_passage": "1"})
    assert len(queries) == 7 == len(prompts_to(server))
    pages = {p.id: p.page_id for p in fret.load(llm_pipeline).rows(Passage)}
    assert max(Counter(pages[q.passage_id or ""] for q in queries).values()) == 1
    manifest = fret.load(llm_pipeline).status()[2]
    assert (manifest.read, manifest.rows, manifest.dropped) == (7, 7, 0)
    assert manifest.measures["seeds"] == {"passages": 24, "asked": 7, "not_sampled": 17}


def test_one_more_page_asks_only_for_its_own(llm_pipeline: Path, server: LLMServer) -> None:
    before = run(llm_pipeline, "{per_page: 1}")
    n_asked = len(prompts_to(server))
    add_page(llm_pipeline)
    after = run(llm_pipeline, "{per_page: 1}", run="more")
    assert {q.id for q in before} < {q.id for q in after} and len(after) == 26
    assert len(prompts_to(server)) - n_asked == 2


def test_an_estimate_counts_what_is_drawn(llm_pipeline: Path, server: LLMServer) -> None:
    pipeline = fret.load(llm_pipeline, overrides=["queries.seeds={count: 5}"])
    pipeline.run(["pages", "passages"])
    queries, judgements = pipeline.estimate()
    assert queries.requests == 10  # two for each passage
    assert judgements.requests == pytest.approx(10 * 6 * 2, rel=0.05)


def test_www_makes_no_other_site() -> None:
    hosts = map(host_of, ("https://www.home.example/a", "http://home.example:80/b", "no address"))
    assert list(hosts) == ["home.example", "home.example", ""]


def test_where_caps_cross_a_new_passage_pushes_out_one_for_each() -> None:
    old, new = places(1000), places(20, start=1000)
    rules = SeedRules(per_site=12, per_language=60)
    before, after = choose_seeds(old, rules, 3), choose_seeds([*old, *new], rules, 3)
    ids = {place.passage_id for place in new}
    assert len(before - after) <= 2 * len(after & ids)


def test_seeds_are_drawn_for_rules_as_well(small: Path) -> None:
    assert 0 < len({q.passage_id for q in run(small, "{count: 4}")}) <= 4
    asked = fret.load(small).stored.stage("queries").require()
    assert asked.read == asked.rows + asked.dropped == 4  # of some, no rule makes a query


def test_seeds_are_balanced_over_groups_of_near_passages(small: Path) -> None:
    if find_model(MINILM) is None:
        pytest.skip("the embedding model is not installed here")
    seeds = "{count: 8, balance: cluster, clusters: {count: 4}}"
    queries = run(small, seeds)
    passages = {p.id: p for p in fret.load(small).rows(Passage)}
    subjects = Counter(passages[q.passage_id or ""].title.split()[0] for q in queries)
    assert len(subjects) >= 3 and queries == run(small, seeds, run="again")


def test_rules_that_cannot_be_kept_are_told(small: Path) -> None:
    with pytest.raises(ConfigError, match="balance needs count"):
        fret.load(small, overrides=["queries.seeds={balance: site}"])
    with pytest.raises(ConfigError, match="its rows name their seeds"):
        fret.load(
            small,
            overrides=["queries.writer={kind: file, path: q.jsonl}", "queries.seeds={count: 1}"],
        )
