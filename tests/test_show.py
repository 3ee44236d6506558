"""`fret show` as a person sees it: in terminals of two widths, in a pipe, without colours."""

import os
import pty
import re
import struct
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from rich.cells import cell_len

import fret
from audit_run import run_hostile
from fret.browse import draw_rows, find_ids, find_rows, take_first
from fret.display_marks import mark
from fret.errors import StoreError
from fret.pipeline import STAGES
from fret.records import Candidates, Example, Judgement, Page, Passage, Query
from fret.retrieval.query_words import QueryWords
from fret.terminal import clean
from test_cli import call, said
from written_run import write_run

_ESCAPE = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run over texts with markup, marks of direction, Arabic, Japanese, a megabyte."""
    return run_hostile(tmp_path_factory.mktemp("hostile"))


# All stages in one process: it takes longer to start than to show.
_SHOW_ALL = """
import sys
from fret.cli import app
for stage in sys.argv[2:]:
    app(["show", sys.argv[1], stage, "-n", "30"], standalone_mode=False)
"""


def make_command(pipeline: Path, stages: Iterable[str]) -> list[str]:
    return [sys.executable, "-c", _SHOW_ALL, str(pipeline), *stages]


def show_in_terminal(
    pipeline: Path, stages: Iterable[str], *, columns: int, **environment: str
) -> str:
    """Show rows of stages in a terminal of its own; return all that it was sent."""
    import fcntl
    import termios

    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    plain = {k: v for k, v in os.environ.items() if k not in ("COLUMNS", "NO_COLOR", "TERM")}
    with subprocess.Popen(
        make_command(pipeline, stages),
        stdout=child,
        stderr=child,
        stdin=child,
        env=plain | {"TERM": "xterm-256color"} | environment,
    ) as process:
        os.close(child)
        sent = b""
        while part := _read(parent):
            sent += part
    os.close(parent)
    assert process.returncode == 0, sent
    return sent.decode("utf-8").replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # as Linux ends a terminal that nobody writes to any more
        return b""


@pytest.mark.parametrize("columns", [40, 80, 200])
def test_no_line_is_wider_than_the_terminal(hostile: Path, columns: int) -> None:
    sent = show_in_terminal(hostile, STAGES, columns=columns)
    lines = _ESCAPE.sub("", sent).splitlines()
    assert max(map(cell_len, lines)) <= columns
    # Only colours and other looks: nothing that a page says reaches the terminal as a command.
    assert "\x1b" not in _ESCAPE.sub("", sent) and "\u202e" not in sent and "\x7f" not in sent
    assert "\x1b[" in sent and sent.count("drawn at random") + sent.count("all there are") == 6


def test_a_pipe_gets_plain_text_without_padding(hostile: Path) -> None:
    command = make_command(hostile, STAGES)
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "\x1b" not in told
    assert not [line for line in told.splitlines() if line != line.rstrip(" ")]


def test_without_colours_only_weights_are_left(hostile: Path) -> None:
    sent = show_in_terminal(hostile, ["examples"], columns=100, NO_COLOR="1")
    looks = {code for found in _ESCAPE.findall(sent) for code in found[2:-1].split(";")}
    assert looks <= {"0", "1", "2", ""}  # all off, bold, dim


def test_text_of_pages_is_shown_as_text(hostile: Path) -> None:
    for query, part in (
        ("what did the keeper", "</script><script>document.title='broken'</script>"),
        ("東京の桜", "桜が一斉に咲く"),
        ("هل الماء", "للحياة؟"),
    ):
        (example,) = (e for e in fret.load(hostile).rows(Example) if e.query.startswith(query))
        shown = call("show", str(hostile), "examples", "--id", example.query_id[:9]).output
        assert example.query_id in shown and part in shown
        assert "+ positive" in shown and "- negative" in shown


def test_a_passage_keeps_its_lines_and_a_page_its_headings(hostile: Path, tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", 3)
    passage = next(p for p in run.rows(Passage) if "\n" in p.text)
    settings = hostile.read_text("utf-8").replace("run: hostile", "run: written")
    settings = re.sub(r"runs_dir: .*", f"runs_dir: {tmp_path / 'runs'}", settings)
    (tmp_path / "w.yaml").write_text(settings, "utf-8")
    shown = call("show", str(tmp_path / "w.yaml"), "passages", "--id", passage.id).output
    first, second = passage.text.replace("\t", " ").split("\n")[:2]
    assert f"  {second}\n" in shown and passage.title in shown
    assert first.split()[-1] in shown


def test_the_draw_is_the_same_each_time_and_another_for_another_seed(hostile: Path) -> None:
    shown = [
        call("show", str(hostile), "passages", "-n", "3", *options).output
        for options in ([], [], ["--seed", "1"], ["--first"])
    ]
    assert shown[0] == shown[1] and len(set(shown)) == 3
    run = fret.load(hostile).stored
    assert take_first(run, Passage, 3) == list(run.rows(Passage))[:3]
    rows = list(run.rows(Passage))
    assert sorted(p.id for p in draw_rows(run, Passage, 1000)) == sorted(p.id for p in rows)
    assert "3 of" in shown[0] and "--seed 1" in shown[0] and "the first" in shown[3]


def test_the_draw_is_fair(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", 200, shard_rows=70)
    drawn = [e.query_id for seed in range(100) for e in draw_rows(run, Example, 2, seed=seed)]
    rows = [e.query_id for e in run.rows(Example)]
    places = [rows.index(i) for i in drawn]
    assert len(set(places)) > 110 and 85 < sum(places) / len(places) < 115


def test_a_narrow_terminal_gets_every_figure_whole(hostile: Path) -> None:
    """What has no room in a table stands below each other, with the columns' names."""
    run = fret.load(hostile).stored
    sent = show_in_terminal(hostile, ["judgements", "examples"], columns=40)
    told = " ".join(_ESCAPE.sub("", sent).split())
    rows = list(run.rows(Judgement))
    assert len(rows) <= 30
    for row in rows:
        for scoring in row.scorings:
            for score, rank in zip(scoring.scores, scoring.ranks, strict=True):
                assert score is None or f"{scoring.scorer} {score:.3f} #{rank}" in told
        assert all(f"passage {passage_id[:8]}" in told for passage_id in row.passage_ids)
    for example in run.rows(Example):
        assert f"fused {example.positive_fused_score:.3f}" in told


def test_columns_says_how_wide_a_pipe_is(hostile: Path) -> None:
    command = make_command(hostile, STAGES)
    environment = {**os.environ, "COLUMNS": "60"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert 50 < max(map(cell_len, done.stdout.splitlines())) <= 60
    odd = subprocess.run(
        command, env=environment | {"COLUMNS": "0"}, capture_output=True, text=True, check=True
    )
    assert max(map(cell_len, odd.stdout.splitlines())) > 200


def test_rows_are_found_by_their_ids_over_all_shards(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", 50, shard_rows=7)
    rows = {p.id: p for p in run.rows(Passage)}
    wanted = list(rows)[::9]
    assert find_rows(run, Passage, wanted) == {i: rows[i] for i in wanted}
    assert find_rows(run, Passage, ["nothing"]) == {} == find_rows(run, Passage, [])
    assert find_ids(run, Passage, wanted[3][:12]) == [wanted[3]]
    assert len(find_ids(run, Passage, "", n=4)) == 4
    shared = next(i[:1] for i in rows)
    assert set(find_ids(run, Passage, shared, n=999)) == {i for i in rows if i[0] == shared}


def test_an_unknown_id_is_told_with_where_it_is(hostile: Path) -> None:
    run = fret.load(hostile).stored
    passage = next(run.rows(Passage)).id
    elsewhere = call("show", str(hostile), "examples", "--id", passage)
    assert elsewhere.exit_code == 2
    assert f"There is one: fret show {hostile} passages --id {passage}" in said(elsewhere)
    nowhere = call("show", str(hostile), "queries", "--id", "zzz")
    assert f"See what is there: fret show {hostile} queries" in said(nowhere)
    ids = [q.id for q in run.rows(Query)]
    start = next(i[0] for i in ids if sum(other[0] == i[0] for other in ids) > 1)
    several = call("show", str(hostile), "queries", "--id", start)
    assert several.exit_code == 2 and f"Several ids in queries begin with {start}" in said(several)
    assert call("show", str(hostile), "pages", "--id", "").exit_code == 2
    fallen = call("show", str(hostile), "examples", "--dropped", "--id", "zzz")
    assert "no dropped row with the id 'zzz'" in said(fallen)


def test_scores_and_ranks_stand_in_tables_with_the_seed_marked(small: Path) -> None:
    call("run", str(small))
    run = fret.load(small).stored
    judgement: Judgement = next(run.rows(Judgement))
    shown = call("show", str(small), "judgements", "--id", judgement.query_id).output
    rows = shown[shown.index("rank") :].splitlines()[1:]
    assert [row.split()[0] for row in rows] == [str(i + 1) for i in range(len(rows))]
    (seed_row,) = (row for row in rows if re.search(r"[0-9a-f]{8}  seed ", row))
    place = judgement.passage_ids.index(judgement.seed_id or "")
    assert f"{judgement.scorings[0].scores[place]:.3f} #" in seed_row
    candidates: Candidates = next(run.rows(Candidates))
    shown = call("show", str(small), "candidates", "--id", candidates.query_id).output
    assert len(re.findall(r"^ +\d+  [0-9a-f]{8} ", shown, re.M)) == len(candidates.passage_ids)
    # Some negatives come from beyond what was scored.
    example: Example = next(e for e in run.rows(Example) if e.negative_scores[0][0] is not None)
    shown = call("show", str(small), "examples", "--id", example.query_id).output
    assert f"{example.positive_scores[0]:.3f} #{example.positive_ranks[0]}" in shown
    assert f"{example.negative_scores[0][0]:.3f} #{example.negative_ranks[0][0]}" in shown
    for reason in set(example.refused_reasons):
        assert f"{example.refused_reasons.count(reason)} {reason} (" in shown
    assert example.positive_url in shown and example.negative_urls[0] in shown


def test_a_long_text_is_cut_where_rows_are_many_and_whole_by_its_id(hostile: Path) -> None:
    run = fret.load(hostile).stored
    page: Page = max(run.rows(Page), key=lambda page: len(page.text))
    drawn = call("show", str(hostile), "pages", "-n", "99").output
    assert f"more characters; all of it: --id {page.id[:8]}" in drawn
    assert len(drawn) < 100_000
    assert len(call("show", str(hostile), "pages", "--id", page.id).output) > len(page.text)


@pytest.mark.parametrize(
    ("query", "language", "text", "marked"),
    [
        (
            "cleaning the kettles",
            "en",
            "A kettle was cleaned by the Kettle-maker",
            ["kettle", "cleaned", "Kettle"],
        ),
        ("die Kartoffel kochen", "de", "Kartoffeln, die wir kochen", ["Kartoffeln", "kochen"]),
        ("東京の桜", "ja", "東京は桜", ["東京"]),
        ("café", "", "Cafe CAFÉ cafés", ["CAFÉ", "cafés"]),
        ("", "en", "nothing at all", []),
    ],
)
def test_words_of_the_query_are_marked_in_their_language(
    query: str, language: str, text: str, marked: list[str]
) -> None:
    found = mark(QueryWords(query, language), text)
    spans = sorted((span.start, span.end) for span in found.spans)
    assert found.plain == text and [text[a:b] for a, b in spans] == marked


def test_blanks_and_joiners_of_many_scripts_are_shown_as_they_are() -> None:
    text = "prix\u00a0: 5\u202f€ 東京\u3000大阪 می\u200cخواهم 🧑\u200d🚀"
    assert clean(text) == text
    assert clean("a\u202eb\u2066c\x9bd\x1b[31m soft\u00adhyphen") == "a�b�c�d�[31m softhyphen"


def test_rows_of_another_version_say_what_to_do(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run = write_run(tmp_path / "runs", 3)
    path = run.path / "passages" / "part-00000.parquet"
    size = path.stat().st_size
    pq.write_table(pq.read_table(path).drop_columns(["headings"]), path)
    folder = run.stage("passages")
    assert folder.manifest is not None and path.stat().st_size != size
    folder.manifest.shards[0].bytes = path.stat().st_size
    with pytest.raises(StoreError, match=r"another version of fret.*--redo passages"):
        draw_rows(run, Passage, 1)
