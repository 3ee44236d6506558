"""`fret publish`: one whole, verified, tagged revision, or a refusal that says what to do."""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from fret.publish.licences import doubt_licence
from hub_writing import READER, WRITER, WritingHub
from publishing import Publisher, Said, make_run, publishing, write_pipeline

CARD = {"licence": "cc-by-4.0"}


@pytest.fixture(scope="module")
def publish(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Publisher]:
    with publishing(tmp_path_factory.mktemp("home")) as publisher:
        yield publisher


@pytest.fixture
def hub(publish: Publisher) -> WritingHub:
    publish.hub.forget()
    return publish.hub


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_run(tmp_path_factory.mktemp("run")).parent


@pytest.fixture
def own(made: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be changed."""
    return Path(shutil.copytree(made, tmp_path / "own"))


def dataset_files(folder: Path) -> dict[str, bytes]:
    dataset = folder / "data/runs/small/dataset"
    files = (path for path in dataset.rglob("*") if path.is_file())
    return {path.relative_to(dataset).as_posix(): path.read_bytes() for path in files}


def send(publish: Publisher, folder: Path, *more: str, **how: Any) -> Said:
    return publish(folder, "publish", "small.yaml", "--repo", "lab/set", *more, **how)


def changes(hub: WritingHub) -> list[str]:
    """What was asked that changes a repository."""
    reading = ("GET", "HEAD", "POST /api/datasets/lab/set/paths-info")
    return [asked for asked in hub.asked if not asked.startswith(reading)]


def test_a_dataset_becomes_one_private_tagged_revision(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    said = send(publish, made)
    assert said.exit == 0, said.err
    repository = hub.repositories["lab/set"]
    assert repository.private and len(repository.commits) == 2
    files = dict(repository.files)
    assert files.pop(".gitattributes") and files == dataset_files(made)
    manifest = json.loads((made / "data/runs/small/examples/manifest.json").read_text("utf-8"))
    tag = f"fret-{manifest['fingerprint'][:12]}"
    assert repository.tags == {tag: repository.head} and tag in repository.messages[-1]
    rows = sum(pq.read_metadata(path).num_rows for path in made.rglob("dataset/*/*.parquet"))
    assert f"{len(files)} files by size and hash, {rows} rows" in said.flat and rows > 10
    assert f"datasets/lab/set: published, private, commit {repository.head[:12]}" in said.out
    assert WRITER not in said.out + said.err


def test_again_sends_nothing(publish: Publisher, hub: WritingHub, made: Path) -> None:
    send(publish, made)
    before, sent = dict(hub.repositories["lab/set"].commits), dict(hub.taken)
    hub.asked.clear()
    said = send(publish, made)
    assert said.exit == 0 and "there already" in said.out and "nothing" in said.out
    assert hub.repositories["lab/set"].commits == before and hub.taken == sent
    assert changes(hub) == []


def test_a_dry_run_shows_all_and_changes_nothing(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    for token in (WRITER, None):
        said = send(publish, made, "--dry-run", "--public", token=token)
        assert said.exit == 0, said.err
        for name, data in dataset_files(made).items():
            size = f"{len(data)} B" if len(data) < 1000 else f"{len(data) / 1000:.1f} kB"
            assert re.search(rf"{re.escape(name)} +{re.escape(size)} +to send", said.out), name
        assert "Nothing was sent." in said.out
    assert "There is no token" in said.err and "if it is new, it will be public" in said.out
    assert changes(hub) == [] and not hub.repositories
    send(publish, made)
    said = send(publish, made, "--dry-run")
    assert "there, private" in said.out and "to send, 0 B of" in said.out
    assert said.out.count("there already") == len(dataset_files(made)) + 1  # and the tag


def test_a_dry_run_tells_a_missing_token_and_a_licence_that_may_be_unknown(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    theirs = hub.make("lab/set", {"x": b"x"})
    theirs.private = False
    said = send(publish, made, "--dry-run", "--public", "--force", token=None)
    assert said.exit == 0 and "There is no token for the Hub" in said.flat, said.err
    assert "licence" not in said.err
    said = send(publish, made, "--dry-run", "--public", "--force")
    assert "no token" not in said.err and "licence" not in said.err
    sets = ("--set", "publish.licence=ours")
    done = publish(made, "run", "small.yaml", "-q", *sets)
    assert done.exit == 0, done.err
    said = send(publish, made, "--dry-run", "--public", "--force", *sets)
    assert "The Hub may not know the licence 'ours'" in said.flat and said.exit == 0
    publish(made, "run", "small.yaml", "-q")


@pytest.mark.parametrize(
    ("licence", "why"),
    [
        ("cc-by-4.0", ""),
        ("mit", ""),
        ("odc-by", ""),  # the Hub's id, without SPDX's version
        ("other", ""),
        ("CC-BY-4.0", "write it in small letters: cc-by-4.0"),
        ("cc-by-9.0", "no SPDX id"),
        ("my licence", "no SPDX id"),
        ("mit or apache-2.0", "no SPDX id"),
        ("licenseref-mine", "no SPDX id"),
        ("(mit)", "no SPDX id"),
        ("\x1b[31m", "no SPDX id"),
    ],
)
def test_a_licence_is_doubted_where_no_library_knows_it(licence: str, why: str) -> None:
    told = doubt_licence(licence)
    assert why in told and bool(told) == bool(why)


def test_a_new_revision_takes_the_place_of_the_old_in_one_commit(
    publish: Publisher, hub: WritingHub, own: Path
) -> None:
    send(publish, own)
    old, first = dataset_files(own), hub.repositories["lab/set"]
    first.add(first.files | {"NOTES.md": b"mine"}, "by hand")
    again = ["--redo", "examples", "--set", "examples.splits.test=0.5"]
    done = publish(own, "run", "small.yaml", "-q", *again)
    assert done.exit == 0, done.err
    new = dataset_files(own)
    gone = set(old) - set(new)
    assert gone
    shown = send(publish, own, "--dry-run")
    for name in gone:
        assert re.search(rf"{name} +to remove", shown.out)
    assert "left as they are: NOTES.md." in shown.out
    said = send(publish, own)
    assert said.exit == 0, said.err
    repository = hub.repositories["lab/set"]
    assert len(repository.commits) == 4  # the Hub's own, ours, the one by hand, ours
    assert set(repository.files) == {*new, ".gitattributes", "NOTES.md"}
    assert len(repository.tags) == 2 and repository.head in repository.tags.values()


def test_a_tag_moves_with_a_new_card(publish: Publisher, hub: WritingHub, own: Path) -> None:
    send(publish, own)
    (tag,) = hub.repositories["lab/set"].tags
    write_pipeline(own, publish=CARD | {"pretty_name": "Other"})
    refused = send(publish, own)
    assert refused.exit == 2 and "with another card" in refused.flat
    assert publish(own, "run", "small.yaml", "-q").exit == 0
    sent = dict(hub.taken)
    assert send(publish, own).exit == 0
    repository = hub.repositories["lab/set"]
    assert repository.tags == {tag: repository.head} and len(repository.commits) == 3
    assert hub.taken == sent, "only the card and the manifest are new"


def test_what_fret_did_not_make_is_only_written_with_force(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    hub.make("lab/set", {"README.md": b"theirs", "data/train.parquet": b"theirs"})
    refused = send(publish, made)
    assert refused.exit == 2 and "3 files that fret did not put there" in refused.flat
    assert "--force" in refused.err and changes(hub) == []
    said = send(publish, made, "--force")
    assert said.exit == 0, said.err
    files = hub.repositories["lab/set"].files
    assert files["data/train.parquet"] == b"theirs" and files["README.md"] != b"theirs"


def test_another_manifest_does_not_make_a_repository_frets(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    for text in (b"{}", b"not json", b'{"made_from": 1, "sizes": {}}', b"\xff\xfe", b"[1]"):
        hub.make("lab/set", {"manifest.json": text})
        assert send(publish, made).exit == 2


def test_a_hostile_manifest_there_removes_nothing_but_what_it_lists_there(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    listed = {"../x": 1, "/etc/passwd": 1, ".gitattributes": 1, "old.parquet": 1, "none": 1}
    text = json.dumps({"made_from": "abc", "sizes": listed}).encode()
    hub.make("lab/set", {"manifest.json": text, "old.parquet": b"x", "keep.txt": b"x"})
    assert send(publish, made).exit == 0
    files = set(hub.repositories["lab/set"].files)
    assert {".gitattributes", "keep.txt"} < files and "old.parquet" not in files


def test_private_data_goes_into_no_public_repository(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    hub.make("lab/set", private=False)
    refused = send(publish, made)
    assert refused.exit == 2 and "is public" in refused.flat and changes(hub) == []
    assert send(publish, made, "--public").exit == 0
    hub.make("lab/set", private=True)
    said = send(publish, made, "--public")
    assert said.exit == 0 and "private and stays so" in said.flat
    assert "datasets/lab/set: published, private" in said.out
    del hub.repositories["lab/set"]
    assert send(publish, made, "--public").exit == 0
    assert not hub.repositories["lab/set"].private


def test_no_licence_no_name_no_run(publish: Publisher, hub: WritingHub, own: Path) -> None:
    write_pipeline(own, publish={})
    assert publish(own, "run", "small.yaml", "-q").exit == 0
    refused = send(publish, own)
    assert refused.exit == 2 and "has no licence" in refused.flat
    shown = send(publish, own, "--dry-run")
    assert shown.exit == 2 and "has no licence" in shown.flat and "to send" in shown.out
    unnamed = publish(own, "publish", "small.yaml")
    assert unnamed.exit == 2 and "--repo ORG/NAME" in unnamed.flat
    for name in (
        "set",
        "lab/",
        "/set",
        "lab/a b",
        "lab/a/b",
        "../x",
        "lab/..",
        "lab/-x",
        "x" * 200,
    ):
        assert publish(own, "publish", "small.yaml", "--repo", name).exit == 2, name
    nothing = send(publish, own, "--set", "run=other")
    assert nothing.exit == 2 and "no examples yet" in nothing.flat
    assert not (own / "data/runs/other").exists()
    assert changes(hub) == []


def test_a_damaged_dataset_is_not_sent(publish: Publisher, hub: WritingHub, own: Path) -> None:
    path = next(own.glob("data/runs/small/dataset/full/train-*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    refused = send(publish, own)
    assert refused.exit == 2 and f"{path.name} is missing, or has another size" in refused.flat
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    refused = send(publish, own)
    assert refused.exit == 2 and f"{path.name} was changed" in refused.flat
    path.write_bytes(whole)
    path.with_name("mine.txt").write_text("x", "utf-8")
    assert "not sent: full/mine.txt (1 in" in send(publish, own, "--dry-run").flat
    manifest = own / "data/runs/small/dataset/manifest.json"
    for text in ("", "{}", '{"made_from": "x", "sizes": {"../../../small.yaml": 3}}'):
        manifest.write_text(text, "utf-8")
        refused = send(publish, own)
        assert refused.exit == 2 and "was damaged" in refused.flat
    assert changes(hub) == []


def test_what_nobody_may_see_or_has_decided_on_is_not_sent(
    publish: Publisher, hub: WritingHub, tmp_path: Path
) -> None:
    """A page with a key, and an evaluation set whose query stands in another page."""
    key = "AKIA" + "QYLPMN5HHHFPZAM2"
    (tmp_path / "asked.jsonl").write_text(
        json.dumps({"query": "Wipe the rubber seals with soapy water"}) + "\n", "utf-8"
    )
    against = [{"kind": "jsonl", "path": "asked.jsonl", "field": "query"}]
    passages = {"max_size": 60, "min_size": 10}
    passages |= {"decontamination": {"against": against, "action": "warn"}}
    make_run(tmp_path, passages=passages, extra_text=f"Set the access key {key} in the menu.")
    refused = send(publish, tmp_path)
    assert refused.exit == 2 and "Passages hold what evaluation sets ask" in refused.flat
    accepted = refused.flat.partition("accept_contamination: ")[2][:12]
    write_pipeline(tmp_path, passages=passages, publish=CARD | {"accept_contamination": "a" * 12})
    refused = send(publish, tmp_path)
    assert "not those that were accepted" in refused.flat
    decided: dict[str, Any] = CARD | {"accept_contamination": accepted}
    write_pipeline(tmp_path, passages=passages, publish=decided)
    refused = send(publish, tmp_path)
    assert refused.exit == 2 and "1 secret in the dataset" in refused.flat
    assert "AWS access key AKIAQY… (20 characters) in full/" in refused.flat
    assert "column positive" in refused.flat or "column negatives" in refused.flat
    assert key not in refused.out + refused.err
    assert changes(hub) == []
    found = refused.flat.partition("not_secret: [")[2].partition("]")[0]
    write_pipeline(tmp_path, passages=passages, publish=decided | {"not_secret": [found]})
    said = send(publish, tmp_path)
    assert said.exit == 0, said.err


@pytest.mark.parametrize("name", ["README.md", "full/train"])
def test_a_difference_after_sending_is_told_with_its_file(
    publish: Publisher, hub: WritingHub, made: Path, name: str
) -> None:
    path, data = next((p, d) for p, d in dataset_files(made).items() if p.startswith(name))
    for damaged, what in ((data + b"x", "bytes instead of"), (b"x" + data[1:], "another hash")):
        hub.repositories.clear()
        hub.damage[path] = damaged
        said = send(publish, made)
        assert said.exit == 3 and path in said.err and what in said.flat
        assert not hub.repositories["lab/set"].tags, "what is wrong has no tag"
    hub.damage.clear()
    assert send(publish, made).exit == 0, "the next one mends it"


def test_rows_are_counted_on_the_hub(publish: Publisher, hub: WritingHub, made: Path) -> None:
    files = dataset_files(made)
    few, many = sorted((n for n in files if n.startswith("full/")), key=lambda n: len(files[n]))
    padded = files[few][:4] + bytes(len(files[many]) - len(files[few])) + files[few][4:]
    hub.lists[many] = files[many]
    for stored, n in ((padded, r"\d+"), (bytes(len(padded)), "no")):
        hub.damage[many] = stored
        hub.repositories.clear()
        said = send(publish, made)
        assert said.exit == 3 and re.search(rf"{many} has {n} rows instead of", said.flat), said


def test_a_change_of_someone_else_in_between_is_kept(
    publish: Publisher, hub: WritingHub, made: Path
) -> None:
    repository = hub.make("lab/set")
    hub.before_commit = lambda: repository.add(repository.files | {"LICENSE": b"x"}, "theirs")
    said = send(publish, made)
    assert said.exit == 3 and "Someone changed lab/set" in said.flat
    assert set(repository.files) == {".gitattributes", "LICENSE"} and not repository.tags
    said = send(publish, made)
    assert said.exit == 2 and "did not put there" in said.flat, "a person is to look at it"
    assert send(publish, made, "--force").exit == 0 and "LICENSE" in repository.files


@pytest.mark.parametrize("status", [0, 504])
def test_a_lost_answer_makes_no_second_commit(
    publish: Publisher, hub: WritingHub, made: Path, status: int
) -> None:
    hub.fail("POST .*/commit/", status, after=True)
    hub.fail("POST .*/tag/", status, after=True)
    said = send(publish, made)
    assert said.exit == 0, said.err
    repository = hub.repositories["lab/set"]
    assert len(repository.commits) == 2 and list(repository.tags.values()) == [repository.head]


def test_a_tag_that_is_not_ours_stays(publish: Publisher, hub: WritingHub, made: Path) -> None:
    send(publish, made)
    (tag,) = hub.repositories["lab/set"].tags
    theirs = hub.make("lab/set", {"x": b"x"})
    theirs.tags[tag] = theirs.head
    before = theirs.head
    said = send(publish, made, "--force")
    assert said.exit == 2 and f"has a tag {tag}" in said.flat and theirs.tags == {tag: before}


def test_a_reader_may_look(publish: Publisher, hub: WritingHub, made: Path) -> None:
    send(publish, made)
    said = send(publish, made, "--dry-run", token=READER)
    assert said.exit == 0 and "there, private" in said.out
