"""The player notices what a viewer would, and leaves nothing running."""

import os
import signal
import subprocess
import time
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest

from tests.media_samples import MediaSamples
from tests.playback.player import NoPlayer, Player
from tests.playback.right_frames import (
    assert_plays_to_its_end,
    assert_shows,
    assert_shows_the_right_frames,
    decoded_pictures,
)

B_FRAMES = ("-c:v", "libx264", "-preset", "medium", "-pix_fmt", "yuv420p")


def descendants(pid: int) -> set[int]:
    rows = subprocess.run(["ps", "-axo", "pid=,ppid="], capture_output=True, text=True, check=True)  # noqa: S607
    parents = dict(map(int, row.split()) for row in rows.stdout.splitlines())
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def running(pids: set[int]) -> set[int]:
    """Those that are processes of a browser still."""
    rows = subprocess.run(["ps", "-axo", "pid=,stat="], capture_output=True, text=True, check=True)  # noqa: S607
    states = dict(row.split() for row in rows.stdout.splitlines())
    return {pid for pid in pids if not states.get(str(pid), "Z").startswith("Z")}


def wait_until_gone(pids: set[int]) -> None:
    give_up_at = time.monotonic() + 20
    while left := running(pids):
        assert time.monotonic() < give_up_at, f"still running: {left}"
        time.sleep(0.05)


def joined_under_one_header(folder: Path, clips: list[Path]) -> Path:
    """Packets of all the clips, which the parameter sets of the first are to decode."""
    listing, target = folder / "list.txt", folder / "joined.mp4"
    listing.write_text("".join(f"file '{clip}'\n" for clip in clips))
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-f", "concat", "-safe", "0", "-auto_convert", "0"]
    subprocess.run([*command, "-i", str(listing), "-c", "copy", str(target)], check=True)
    return target


def test_a_good_file_is_told_as_it_is(media_samples: MediaSamples, player: Player):
    clip = media_samples.solid("red", seconds=2, sound_hz=300)
    watched = assert_plays_to_its_end(player, clip, [1.5, 0.5])
    assert watched.duration_seconds == pytest.approx(2, abs=1 / 24)
    assert watched.size == (160, 284)
    assert watched.sound_bytes > 0
    shown = watched.shown
    assert [picture.media_seconds for picture in shown] == pytest.approx([1.5, 0.5], abs=0.001)
    assert np.allclose([picture.mean_rgb for picture in shown], [255, 0, 0], atol=4)
    assert shown[0].presented_frames < shown[1].presented_frames


def test_every_picture_can_be_sought(media_samples: MediaSamples, player: Player):
    assert len(assert_shows_the_right_frames(player, media_samples.moving(), samples=24)) == 24


def test_a_file_without_its_index_is_a_media_error(media_samples: MediaSamples, player: Player):
    watched = player.watch(media_samples.truncated(media_samples.moving(), faststart=False), [0.5])
    assert watched.error is not None
    assert watched.error.startswith("media error 4")
    assert (watched.duration_seconds, watched.played_to_end, watched.shown) == (None, False, [])


def test_a_file_that_breaks_off_is_a_media_error(media_samples: MediaSamples, player: Player):
    cut = media_samples.truncated(media_samples.moving(), faststart=True)
    watched = player.watch(cut, [0.1])
    assert watched.error is not None
    assert watched.error.startswith("media error 3")
    assert not watched.played_to_end
    assert 0 < watched.ended_seconds < 1
    with pytest.raises(AssertionError, match="cannot be decoded"):
        assert_shows_the_right_frames(player, cut)


@pytest.mark.parametrize("second", [{"options": B_FRAMES}, {"size": "320x180"}])
def test_pictures_under_a_foreign_header_are_a_media_error(
    media_samples: MediaSamples, player: Player, tmp_path: Path, second: dict[str, object]
):
    joined = joined_under_one_header(tmp_path, [media_samples.solid("red"), media_samples.solid("blue", **second)])
    watched = player.watch(joined, [0.5])
    assert watched.error is not None
    assert watched.error.startswith("media error 3")
    with pytest.raises(AssertionError, match="media error 3"):
        assert_plays_to_its_end(player, joined)
    with pytest.raises(AssertionError, match="cannot be decoded"):
        assert_shows_the_right_frames(player, joined)


def test_another_picture_than_expected_is_noticed(media_samples: MediaSamples, player: Player):
    clip = media_samples.moving()
    pictures = decoded_pictures(clip)
    shown = player.watch(clip, [pictures[10].middle_seconds]).shown
    assert_shows(shown, [pictures[10]])
    with pytest.raises(AssertionError):
        assert_shows(shown, [pictures[11]])
    with pytest.raises(AssertionError, match="is off by"):
        assert_shows(shown, [decoded_pictures(media_samples.solid("red"))[10]])


def test_a_picture_is_looked_at_part_by_part(media_samples: MediaSamples, player: Player):
    (shown,) = player.watch(media_samples.moving(), [0.5]).shown
    assert shown.grid.shape == (8, 8, 3)
    assert np.ptp(shown.grid, axis=(0, 1)).min() > 100
    mirrored = [picture.grid[:, ::-1] for picture in decoded_pictures(media_samples.moving())]
    assert np.abs(shown.grid - mirrored[12]).max() > 50


def test_a_closed_player_leaves_nothing_running():
    with Player() as player:
        started = descendants(os.getpid())
        assert len(running(started)) > 2
    wait_until_gone(started - descendants(os.getpid()))
    with pytest.raises(ValueError, match="closed file"):
        player.watch(Path("any.mp4"))


def test_the_browser_ends_with_a_player_that_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # for the profile that nobody is left to remove
    with Player() as player:
        started = descendants(player.pid)
        assert started
        os.kill(player.pid, signal.SIGKILL)
        wait_until_gone(started)


def test_a_path_without_a_browser_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("CHROMIUM_PATH", "/no/such/browser")
    with pytest.raises(NoPlayer, match="CHROMIUM_PATH") as refusal:
        Player()
    assert "/no/such/browser: there is no such file" in str(refusal.value)
