"""The list of licences is up to date, and what is not permissive is known and flagged."""

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pytest

from localdev.licences import PAGE, Package, brought_packages, current_page, deployed_packages, locked_names, page

ROOT = Path(__file__).parents[2]


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == current_page(), "run make licences"


def test_what_is_not_permissive_is_flagged_and_known():
    """A new name here is for a person to read about, before it is deployed."""
    flagged = current_page().partition("## What is not permissive")[2].partition("## Deployed")[0]
    names = {line.split("**")[1] for line in flagged.splitlines() if line.startswith("- **")}
    assert names == {"av", "imageio-ffmpeg", "certifi", "axe-core"}


def test_the_bundled_program_is_what_the_page_says():
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-version"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "--enable-gpl" in told
    assert "--enable-version3" in told
    assert "--enable-nonfree" not in told  # that one nobody may hand on


@pytest.mark.parametrize(
    ("licence", "is_permissive"),
    [
        ("MIT", True),
        ("MIT-0", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("GPL-3.0-only OR MIT", True),
        ("MIT AND GPL-2.0-or-later", False),
        ("BSD", True),
        ("MPL-2.0", False),
        ("LGPL-3.0", False),
        ("AGPL-3.0", False),
        ("unknown", False),
        ("", False),
    ],
)
def test_what_is_permissive(licence: str, is_permissive: bool):
    assert Package("a", "1", licence).is_permissive is is_permissive


def test_what_is_bundled_is_flagged_whatever_the_package_says():
    assert not Package("imageio-ffmpeg", "1", "BSD-2-Clause", "brings ffmpeg").is_permissive


def test_what_is_locked_and_not_installed_is_told(tmp_path: Path):
    lock = tmp_path / "requirements.txt"
    lock.write_text("No_Such==1.0 \\\n    --hash=sha256:0\nnowhere==1 ; sys_platform == 'emscripten' \\\n")
    assert locked_names(lock) == ["no-such"]
    with pytest.raises(LookupError, match="no-such"):
        deployed_packages(tmp_path, locked_names(lock))


def test_what_the_page_brings_along_is_flagged_where_it_is_not_permissive(tmp_path: Path):
    lock = tmp_path / "package-lock.json"
    lock.write_text(
        """{"packages": {
            "": {"name": "ours"},
            "node_modules/kind": {"version": "1.0", "license": "ISC"},
            "node_modules/kind/node_modules/@a/strict": {"version": "2.0", "license": "GPL-3.0"},
            "node_modules/silent": {"version": "3.0"},
            "node_modules/tool": {"version": "4.0", "license": "SSPL-1.0", "dev": true}}}"""
    )
    told = page([], [Package("kind", "1.0", "ISC")], brought_packages(lock), [])
    flagged = told.partition("## What is not permissive")[2].partition("How we read")[0].split("\n")
    assert [line for line in flagged if line] == ["- **@a/strict** (GPL-3.0)", "- **silent** (unknown)"]
