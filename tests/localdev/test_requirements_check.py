"""What is missing is told in words before anything is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

from localdev.requirements_check import missing_requirements, node_version

ROOT = Path(__file__).parents[2]
GOOD = {"python": (3, 11), "node": (20, 19), "has_npm": True, "has_venv": True}


@pytest.mark.parametrize("python", [(3, 11), (3, 14)])
@pytest.mark.parametrize("node", [(20, 19), (20, 20), (22, 12), (24, 0)])
def test_nothing_is_missing(python: tuple[int, int], node: tuple[int, int]):
    assert list(missing_requirements(**{**GOOD, "python": python, "node": node})) == []


@pytest.mark.parametrize(
    ("lacking", "told"),
    [
        ({"python": (3, 10)}, "Python 3.11 or newer is needed; this is 3.10"),
        ({"python": (3, 15)}, "this is 3.15"),
        ({"node": None}, "Node.js 20.19 or newer is needed"),
        ({"node": (18, 20)}, "this is 18.20"),
        ({"node": (20, 18)}, "this is 20.18"),
        ({"node": (21, 7)}, "this is 21.7"),
        ({"node": (22, 11)}, "this is 22.11"),
        ({"has_npm": False}, "npm is needed"),
        ({"has_venv": False}, "python3-venv"),
    ],
)
def test_one_sentence_says_what_is_missing(lacking: dict, told: str):
    (sentence,) = missing_requirements(**{**GOOD, **lacking})
    assert told in sentence


def test_the_version_of_node_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    told = subprocess.run([shutil.which("node") or "", "--version"], capture_output=True, text=True, check=True).stdout
    assert ".".join(str(number) for number in node_version() or ()) == told.lstrip("v").rpartition(".")[0]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert node_version() is None
