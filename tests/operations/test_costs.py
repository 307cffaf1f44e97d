"""The bill: exact arithmetic on what was measured, and a document whose tables are what the model says."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from localdev.bench.job_costs import CEILINGS
from operations.costs.__main__ import main, read_measured
from operations.costs.model import Assumptions, month
from operations.costs.prices import PRICES, READ, RECALLED, with_changes
from operations.costs.tables import blocks, filled, group_table
from pipeline.domain.models import VIDEO_MODELS

DOCUMENT = Path(__file__).parents[2] / "docs" / "costs.md"
ONE_OF_EACH = {f"cost_{kind}_calls": 1.0 for kind in ("image", "clip", "scene", "composition", "api_video", "sweep")}


def bill(clips: float, measured=None, prices=PRICES, **assumed) -> dict[str, float]:
    items = month(clips, measured or read_measured(), prices, replace(Assumptions(), **assumed))
    return {item.what: item.usd for item in items}


def test_the_tables_of_the_document_are_what_the_model_says():
    document = DOCUMENT.read_text()
    assert filled(document, blocks(read_measured(), PRICES, Assumptions())) == document


def test_what_was_measured_is_what_the_bench_measures_and_below_its_ceilings():
    measured = read_measured()
    assert set(measured) <= {f"cost_{kind}_{name}" for kind, names in CEILINGS.items() for name in names}
    assert all(measured[f"cost_{kind}_calls"] for kind in CEILINGS)
    for kind, names in CEILINGS.items():
        for name, most in names.items():
            assert measured.get(f"cost_{kind}_{name}", 0.0) <= most, f"{kind} {name}"


def test_a_price_holds_for_what_is_beyond_the_free_amount():
    writes = PRICES["firestore_write"]
    assert writes.cost_usd(writes.free) == 0
    assert writes.cost_usd(writes.free + 200_000) == pytest.approx(0.18)
    assert writes.cost_usd(0) == 0


def test_replicate_is_paid_by_the_clip_and_the_picture():
    found = bill(1000, video_model="bytedance/seedance-1-pro", clip_seconds=10, pictures_per_clip=2.0)
    assert found["Replicate: clips by seedance-1-pro"] == pytest.approx(1000 * 0.6)
    assert found["Replicate: pictures by flux-schnell"] == pytest.approx(2000 * 0.003)


def test_every_amount_is_counted_by_what_it_is_of():
    assumed = {
        "pictures_per_clip": 2.0,
        "share_in_multi_video": 0.5,
        "clips_per_composition": 10.0,
        "pages_per_clip": 3.0,
    }
    items = {item.what: item.units for item in month(100, ONE_OF_EACH, PRICES, replace(Assumptions(), **assumed))}
    sweeps = 8640
    assert items["functions: calls"] == 200 + 50 + 50 + 10 + 300 + sweeps
    seconds = {**ONE_OF_EACH, "cost_clip_generation_seconds": 4.0, "cost_composition_composition_seconds": 6.0}
    warm = replace(Assumptions(), **assumed, cold_start_share=0.0)
    alone, shared = (
        {item.what: item.units for item in month(100, seconds, PRICES, replace(warm, calls_per_instance=calls))}
        for calls in (1.0, 4.0)
    )
    assert (alone["functions: vCPU"], alone["functions: memory, GiB"]) == (50 * 4 + 10 * 12, 50 * 4 + 10 * 24)
    assert shared["functions: vCPU"] == 50 + 120  # a composition has its instance to itself


def test_ten_million_clips_cost_what_the_models_cost():
    small, large = bill(1_000), bill(10_000_000)
    for found, least in ((small, 0.95), (large, 0.9)):
        models = sum(usd for what, usd in found.items() if what.startswith("Replicate"))
        assert models / sum(found.values()) > least
    assert group_table(read_measured(), PRICES, Assumptions()).splitlines()[2].startswith("| Replicate |")


def test_a_figure_that_is_missing_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(KeyError, match="cost_clip_calls"):
        month(1, {name: 1.0 for name in ONE_OF_EACH if "clip" not in name}, PRICES, Assumptions())
    figures = tmp_path / "bench.json"
    figures.write_text(json.dumps([{"name": "cost_image_calls", "value": 1}]))
    assert main(["--bench", str(figures)]) == 2
    assert "make bench" in capsys.readouterr().err


def test_every_price_has_a_source_and_says_whether_it_was_read():
    assert {price.as_of for price in PRICES.values()} == {READ, RECALLED}
    assert all(price.source.startswith("https://") for price in PRICES.values())
    changed = with_changes(PRICES, {"r2_gb": 0.02})
    assert (changed["r2_gb"].usd, changed["r2_gb"].as_of, PRICES["r2_gb"].usd) == (0.02, "given", 0.015)
    assert all(model.usd_per_second for model in VIDEO_MODELS.values())


def test_the_command_prints_tables_and_writes_them_into_a_document(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main([]) == 0
    assert "| **all** |" in capsys.readouterr().out
    assert main(["--clips", "50000", "--price", "r2_gb=1", "--assume", "clip_seconds=10"]) == 0
    shown = capsys.readouterr().out
    assert "**all, for 50,000 clips**" in shown
    assert "| R2: stored, GB-month |" in shown
    assert main(["--prices"]) == 0
    assert "`vcpu_second`" in capsys.readouterr().out
    assert main(["--assumptions"]) == 0
    assert "clip_seconds = 5\n" in capsys.readouterr().out
    copy = tmp_path / "costs.md"
    copy.write_text(DOCUMENT.read_text().replace("Replicate", "?"))
    assert main(["--write", str(copy)]) == 0
    assert "Replicate: clips" in copy.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--price", "gold=1"], "no price 'gold'"),
        (["--price", "r2_gb"], "like name=value"),
        (["--price", "r2_gb=-1"], "must be a number"),
        (["--assume", "luck=1"], "no assumption 'luck'"),
        (["--assume", "clip_seconds=x"], "invalid literal"),
        (["--bench", "nowhere.json"], "nowhere.json cannot be read"),
    ],
)
def test_wrong_arguments_are_answered_with_a_sentence(arguments, words, capsys: pytest.CaptureFixture[str]):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
