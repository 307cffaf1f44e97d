"""The studio page in a real browser: built, served by the Hosting emulator, on the stack of the end-to-end tests.

The cases lie beside this file, in JavaScript, since the browser's own library is (playwright-core). They leave
screenshots of every page, of failed cases too, and what the first load weighs in build/studio.
"""

import json
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from localdev.stack import LocalStack
from tests.media_samples import MediaSamples
from tests.node_cases import ROOT, assert_right, run_cases

pytestmark = pytest.mark.e2e

SCRIPT = Path(__file__).with_name("studio.test.mjs")
LEAST_CASES = 11
OUT = ROOT / "build" / "studio"


def bottle(path: Path) -> Path:
    """A product as shops photograph them: on white."""
    picture = Image.new("RGB", (600, 1000), "white")
    draw = ImageDraw.Draw(picture)
    draw.rounded_rectangle((255, 60, 345, 160), 20, fill=(176, 58, 20))
    draw.rounded_rectangle((265, 150, 335, 380), 20, fill=(24, 92, 84))
    draw.rounded_rectangle((180, 330, 420, 940), 70, fill=(24, 92, 84))
    draw.rectangle((180, 520, 420, 800), fill=(246, 236, 214))
    draw.ellipse((240, 580, 360, 700), fill=(214, 138, 52))
    picture.save(path)
    return path


def test_every_case_in_a_browser(stack: LocalStack, media_samples: MediaSamples, tmp_path: Path):
    for left in OUT.glob("failed *"):
        left.unlink()
    environment = {
        "STUDIO_URL": stack.urls.studio_url,
        "FUNCTIONS_URL": stack.urls.functions_url,
        "PICTURE": str(bottle(tmp_path / "bottle.png")),
        "MUSIC": str(media_samples.music(seconds=20.0)),
        "OUT": str(OUT),
    }
    outcome = run_cases(SCRIPT, tmp_path, environment)
    (OUT / "cases.json").write_text(json.dumps(outcome.seconds, indent=2) + "\n")
    assert_right(outcome, LEAST_CASES)
