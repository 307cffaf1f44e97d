"""`make studio`: the page is built when it must be, and a newcomer is told how to begin."""

import json
import os
from dataclasses import replace
from pathlib import Path

import av
import pytest
from PIL import Image

from localdev.stack import StackError
from localdev.stub_replicate.markers import ABORTED, FAILURES, HANG, MARKER, REFUSALS, SLOW, STUCK
from localdev.studio.__main__ import MARKERS, main, welcome
from localdev.studio.page import built_page, is_stale
from localdev.studio.samples import write_samples
from tests.localdev.addresses import URLS

BUILD = """
const fs = require('fs');
fs.mkdirSync('dist', {recursive: true});
fs.appendFileSync('dist/index.html', 'built ');
"""


@pytest.fixture
def web(tmp_path: Path) -> Path:
    """A page whose build writes `built` once more."""
    folder = tmp_path / "web"
    (folder / "src").mkdir(parents=True)
    (folder / "node_modules").mkdir()
    (folder / "src" / "main.ts").write_text("export {}")
    (folder / "build.js").write_text(BUILD)
    (folder / "package.json").write_text(json.dumps({"name": "web", "scripts": {"build": "node build.js"}}))
    return folder


def built_times(web: Path) -> int:
    return built_page(web).joinpath("index.html").read_text().count("built")


def test_a_page_is_built_once_and_again_when_a_source_is_newer(web: Path):
    assert is_stale(web)
    assert built_times(web) == 1
    assert not is_stale(web)
    assert built_times(web) == 1
    later = (web / "dist" / "index.html").stat().st_mtime + 5
    os.utime(web / "node_modules", (later, later))
    assert not is_stale(web)
    os.utime(web / "src" / "main.ts", (later, later))
    assert built_times(web) == 2


def test_a_build_that_fails_is_told_in_its_own_words(web: Path, capsys: pytest.CaptureFixture[str]):
    (web / "build.js").write_text("console.error('Unexpected token in main.ts'); process.exit(1)")
    with pytest.raises(StackError, match=r"Unexpected token in main\.ts"):
        built_page(web)
    assert main(["--web", str(web)]) == 1
    assert "Unexpected token in main.ts" in capsys.readouterr().out


def test_no_page_is_said(tmp_path: Path):
    with pytest.raises(StackError, match="no page to build"):
        built_page(tmp_path)


def test_samples_are_a_product_on_nothing_and_music(tmp_path: Path):
    samples = write_samples(tmp_path / "new")
    with Image.open(samples["product"]) as picture:
        alpha = picture.getchannel("A")
        assert picture.mode == "RGBA"
        assert (alpha.getpixel((5, 5)), alpha.getpixel((450, 600))) == (0, 255)
        seen = sum(alpha.histogram()[128:]) / (picture.width * picture.height)
        assert 0.2 < seen < 0.6
    with av.open(str(samples["music"])) as music:
        assert [stream.type for stream in music.streams] == ["audio"]
        assert 9 < (music.duration or 0) / av.time_base < 11
    before = samples["music"].stat().st_mtime_ns
    assert write_samples(tmp_path / "new")["music"].stat().st_mtime_ns == before


def test_a_newcomer_is_told_where_how_and_with_what(tmp_path: Path):
    samples = {"product": tmp_path / "product.png", "music": tmp_path / "music.m4a"}
    told = "\n".join(welcome(URLS, samples))
    for word in (URLS.studio_url, str(samples["product"]), str(samples["music"]), "password", *MARKERS):
        assert word in told
    assert "Nothing here costs money." in told
    real = "\n".join(welcome(replace(URLS, replicate_url=""), samples))
    assert "This costs money: REPLICATE_API_TOKEN" in real
    assert not any(marker in real for marker in MARKERS)


def test_the_words_that_make_a_scene_fail_are_known_to_the_stand_in():
    names = [MARKER.fullmatch(marker) for marker in MARKERS]
    assert all(names)
    known = {*FAILURES, *REFUSALS, STUCK, ABORTED, HANG, SLOW}
    assert {name.group(1) for name in names if name} <= known
