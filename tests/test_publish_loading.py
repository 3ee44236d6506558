"""What was published loads as anybody would load it, and trains."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hub_writing import WRITER
from publishing import make_run, publishing


@pytest.mark.slow
@pytest.mark.timeout(600)  # torch and datasets are loaded in a process of their own
def test_every_config_loads_with_equal_rows_and_triplets_train(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    make_run(tmp_path / "run")
    folder = tmp_path / "run/data/runs/small/dataset"
    with publishing(tmp_path / "home") as publish:
        said = publish(tmp_path / "run", "publish", "small.yaml", "--repo", "lab/set")
        assert said.exit == 0, said.err
        script = Path(__file__).parent / "load_published.py"
        done = subprocess.run(
            [sys.executable, str(script), "lab/set", str(folder), str(tmp_path / "work")],
            env=publish.environment | {"HF_TOKEN": WRITER},
            capture_output=True,
            text=True,
            timeout=500,
        )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert {"triplets", "full"} <= set(found["configs"])
    for config, (equal, n_rows) in found["configs"].items():
        assert equal and n_rows > 0, config
    assert found["loss"] > 0
