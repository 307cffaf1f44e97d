"""The docstring of each layer is a map of its rooms: every module stands in it, and nothing else does."""

import importlib
import re
from pathlib import Path

import pytest

PIPELINE = Path(__file__).parents[1] / "functions/pipeline"


@pytest.mark.parametrize("layer", ["domain", "adapters", "handlers", "repositories", "api"])
def test_every_module_stands_in_its_layers_map(layer: str):
    words = set(re.findall(r"[a-z0-9_]+", importlib.import_module(f"pipeline.{layer}").__doc__ or ""))
    modules = {path.stem for path in (PIPELINE / layer).glob("*.py")} - {"__init__"}
    assert modules - words == set()
    assert {word for word in words - modules if "_" in word} == set()
