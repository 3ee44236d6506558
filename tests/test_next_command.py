"""Commands that messages name do what they say when they are typed as they stand."""

import ast
import re
import shlex
from pathlib import Path

from typer.testing import CliRunner, Result

from fret.cli import app
from fret.display import print_error
from fret.next_command import fill_in, meaning


def call(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def find_command(result: Result, start: str) -> list[str]:
    """Return the words of a command that was printed, as a shell would give them."""
    told = " ".join(result.output.split())
    return shlex.split(told[told.index(start) :].split(" -- ")[0].rstrip(".`"))[1:]


def test_a_named_command_is_about_the_run_of_this_one(small: Path) -> None:
    small.rename("my file.yaml")
    Path("pages.jsonl").rename("my pages.jsonl")
    sets = ["--set", "run=second", "--set", "pages.source.path=my pages.jsonl"]
    begun = find_command(call("status", "my file.yaml", *sets), "fret run")
    assert call(*begun, "pages", "--quiet").exit_code == 0
    assert [p.name for p in Path("data/runs").iterdir()] == ["second"]

    unknown = call("show", "my file.yaml", "pages", "--id", "zz", *sets)
    shown = call(*find_command(unknown, "fret show"))
    assert shown.exit_code == 0 and "5 of 12" in shown.output


def test_a_page_that_is_in_another_stage_is_found_by_the_named_command(small: Path) -> None:
    sets = ["--set", "run=second"]
    call("run", "small.yaml", "pages", "passages", "--quiet", *sets)
    page_id = (
        call("show", "small.yaml", "pages", "-n", "1", *sets).output.split("── ")[1].split()[0]
    )
    wrong = call("show", "small.yaml", "passages", "--id", page_id, *sets)
    right = call(*find_command(wrong, "fret show"))
    assert right.exit_code == 0 and page_id in right.output


def test_every_way_to_name_a_command_is_filled_in() -> None:
    with meaning("a b.yaml", ["run=x y", "examples.splits={test: 0.1}"]):
        words = "'a b.yaml' --set 'run=x y' --set 'examples.splits={test: 0.1}'"
        assert (
            fill_in("`fret show PIPELINE pages --dropped`")
            == f"`fret show {words} pages --dropped`"
        )
        assert fill_in("fret batch cancel PIPELINE.") == f"fret batch cancel {words}."
        with meaning(r"odd\1.yaml"):
            assert fill_in("fret run PIPELINE") == r"fret run 'odd\1.yaml'"
    assert fill_in("fret run PIPELINE") == "fret run PIPELINE"


def test_every_message_that_names_a_command_names_its_pipeline() -> None:
    """`fret batch cancel` alone is no command; the starts of those that need one are found here."""
    package = Path(print_error.__code__.co_filename).parent
    wants = re.compile(
        r"`fret (run|show|status|export|publish|audit|batch [a-z]+)\b(?! PIPELINE)[^`]*`"
    )
    # What these say is about any pipeline, or about another than the one at hand.
    general = {"publish.py", "parcels.py", "writer.py", "readme.py", "folder.py", "files.py"}
    general |= {"pipeline_file.py"}
    bare = [
        f"{path.relative_to(package)}: {found[0]}"
        for path in package.rglob("*.py")
        if path.name not in general and not path.name.startswith(("cli", "display"))
        for found in wants.finditer(_messages(path.read_text("utf-8")))
    ]
    assert bare == []


def _messages(source: str) -> str:
    """Return the literal texts of a module, joined as Python joins them; docstrings left out."""
    tree = ast.parse(source)
    documented = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return "\n".join(
        "".join(str(p.value) if isinstance(p, ast.Constant) else "…" for p in node.values)
        if isinstance(node, ast.JoinedStr)
        else str(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr | ast.Constant) and id(node) not in documented
    )
