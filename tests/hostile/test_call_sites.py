"""Where the code opens files and connections: no place but those that were looked at, each with its limits."""

import ast
from collections.abc import Iterator
from pathlib import Path

import ffmpeg
import pytest

import pipeline
from pipeline.adapters.filter_graphs import media_input, media_pictures
from pipeline.adapters.media_probe import DEMUXERS, INPUT_OPTIONS, PROBE_OPTIONS, SIGNATURES

ROOT = Path(pipeline.__path__[0])

CALLS = {
    "av.open": {"adapters/media_probe.py", "adapters/muxing.py"},
    "Image.open": {"adapters/images.py", "adapters/placeholders.py"},
    "ffmpeg.input": set(),
    "InputNode": {"adapters/filter_graphs.py"},
    "subprocess.Popen": {"adapters/ffmpeg.py", "adapters/trial_reading.py"},
    "imageio_ffmpeg.get_ffmpeg_exe": {"adapters/ffmpeg.py", "adapters/trial_reading.py"},
    "httpcore.ConnectionPool": {"adapters/downloads.py"},
}
"""Each call, and the only modules that make it."""

NEVER_IMPORTED = {"urllib.request", "http.client", "aiohttp", "ftplib", "imageio", "cv2", "moviepy"}
"""They would open what they are given, wherever it is."""

MODULES = {str(path.relative_to(ROOT)): ast.parse(path.read_text()) for path in sorted(ROOT.rglob("*.py"))}


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("call", CALLS)
def test_is_called_only_where_it_is_known(call: str):
    assert {name for name, tree in MODULES.items() for found, _ in calls(tree) if found == call} == CALLS[call]


@pytest.mark.parametrize("module", ["subprocess", "os"])
def test_no_other_way_starts_a_process(module: str):
    ways = {f"{module}.{name}" for name in ("run", "call", "check_output", "system", "popen", "execv", "spawnv")}
    assert [name for name, tree in MODULES.items() for found, _ in calls(tree) if found in ways] == []


def test_nothing_is_imported_that_opens_whatever_it_is_given():
    found = {name: NEVER_IMPORTED & set(imported(tree)) for name, tree in MODULES.items()}
    assert {name for name, modules in found.items() if modules} == set()


def test_what_is_imported_under_another_name_is_seen():
    """The calls above are found by their whole names: so nobody may shorten these."""
    for tree in MODULES.values():
        assert not {"av.open", "PIL.Image.open", "subprocess.Popen", "httpcore.ConnectionPool"} & set(imported(tree))


def test_pyav_opens_with_whitelists_what_it_reads():
    [probing, opening] = [call for found, call in calls(MODULES["adapters/media_probe.py"]) if found == "av.open"]
    assert [keyword.arg for keyword in (*probing.keywords, *opening.keywords)] == ["options", "options"]
    [writing] = [call for found, call in calls(MODULES["adapters/muxing.py"]) if found == "av.open"]
    assert ast.literal_eval(writing.args[1]) == "w"


def test_every_option_set_has_both_whitelists_and_no_decoder_of_pictures_where_none_is_needed():
    for options in (INPUT_OPTIONS, PROBE_OPTIONS, *({**PROBE_OPTIONS, **more} for more in SIGNATURES.values())):
        assert options["protocol_whitelist"] == "file"
        assert set(options["format_whitelist"].split(",")) <= set(DEMUXERS.split(","))
        assert int(options["max_pixels"]) <= 4096 * 4096
    assert PROBE_OPTIONS["codec_whitelist"] == "none"
    assert {more.get("codec_whitelist", "none") for more in SIGNATURES.values()} == {"none", "aac"}
    assert not {"hls", "concat", "dash", "sdp", "rtsp", "image2", "lavfi", "tee", "imf"} & set(DEMUXERS.split(","))


@pytest.mark.parametrize("name", ["clip.mp4", "-i.mp4", "concat:a|b", "http://127.0.0.1/", "pipe:0", "%03d.png"])
@pytest.mark.parametrize("opened", [media_input, media_pictures])
def test_ffmpeg_gets_whitelists_and_a_path_that_cannot_be_anything_else(name: str, opened: object):
    stream = opened(Path("/a folder") / name)
    arguments = ffmpeg.get_args(ffmpeg.output(stream, "out.mp4"))
    before = arguments[: arguments.index("-i")]
    assert before[before.index("-protocol_whitelist") + 1] == "file"
    assert before[before.index("-format_whitelist") + 1] == DEMUXERS
    assert before[before.index("-max_pixels") + 1] == INPUT_OPTIONS["max_pixels"]
    assert arguments[arguments.index("-i") + 1].startswith("file:/")
    assert arguments.count("-i") == 1


def test_pillow_opens_only_the_formats_that_are_known():
    [opening] = [call for found, call in calls(MODULES["adapters/images.py"]) if found == "Image.open"]
    assert [keyword.arg for keyword in opening.keywords] == ["formats"]
