"""What is in the wheel: the package, typed, with prompts, recipes and sample pages."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_what_ships(unpacked: Path) -> None:
    assert (unpacked / "fret" / "py.typed").is_file()
    assert all((unpacked / "fret" / "audit" / f"page.{e}").is_file() for e in ("html", "css", "js"))
    shipped = unpacked / "fret" / "shipped"
    for kind in ("prompts", "pipelines"):
        assert {p.name for p in (shipped / kind).iterdir()} == {
            p.name for p in (ROOT / kind).iterdir()
        }
    assert len([p for p in (shipped / "data" / "sample_pages").rglob("*") if p.is_file()]) >= 60
    assert not list(unpacked.glob("tests*"))


def test_recipes_and_prompts_are_found_from_the_wheel_in_any_folder(
    unpacked: Path, tmp_path: Path
) -> None:
    code = (
        "import fret, sys\nfrom pathlib import Path\nfrom fret.prompts import load_prompt\n"
        "assert str(Path(fret.__file__)).startswith(sys.argv[1]), fret.__file__\n"
        "load_prompt('prompts/write_query.yaml', 'write_query')\n"
        "light = ['candidates.dense=null', 'judgements.scorers=[{kind: unigram}]']\n"
        "pipeline = fret.load('quickstart', overrides=light)\n"
        "pipeline.run(['pages'])\nprint(pipeline.status()[0].rows)"
    )
    command = [sys.executable, "-c", code, str(unpacked)]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env={"PYTHONPATH": str(unpacked), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 60
