"""What a viewer sees of a video file in a real browser (player.mjs), for tests to make assertions about."""

import json
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

SCRIPT = Path(__file__).with_name("player.mjs")
CELLS = 8
"""Rows, and columns, of the grid of colours in which a picture is told."""


class NoPlayer(Exception):
    """The browser could not be started, or ended; the message says what to do."""


@dataclass(frozen=True)
class ShownPicture:
    """What was on the screen after a seek. Times are seconds."""

    asked_seconds: float
    current_seconds: float
    """The player's own `currentTime`."""
    media_seconds: float
    """Where the file says this picture belongs, by requestVideoFrameCallback."""
    presented_frames: int
    """How many pictures the player had shown by then."""
    grid: NDArray[np.float64]
    """Mean red, green, blue (0 to 255) of each part of the picture: shape (CELLS, CELLS, 3)."""

    @property
    def mean_rgb(self) -> NDArray[np.float64]:
        """Of the whole picture; the parts count alike."""
        return self.grid.mean(axis=(0, 1))


@dataclass(frozen=True)
class Watched:
    """A file, played through once and then sought through."""

    error: str | None
    """The player's MediaError, with its code, or what it never came to."""
    duration_seconds: float | None
    size: tuple[int, int] | None
    played_to_end: bool
    ended_seconds: float
    """Where the playing stopped."""
    waits: list[tuple[str, float]]
    """`waiting` and `stalled` events while it played, with the second at which they came."""
    played_seconds: list[float]
    """Where the pictures belong that were shown while it played; a fast playback leaves some out."""
    sound_bytes: int
    """Of encoded sound that was decoded while it played."""
    shown: list[ShownPicture]
    """One for each time asked for, unless an error came before."""


class Player:
    """A browser that stays open until it is closed; it ends with this process, too."""

    def __init__(self) -> None:
        """Raises NoPlayer."""
        node = shutil.which("node")
        if node is None:
            raise NoPlayer("Node.js is needed to watch videos: https://nodejs.org")
        # a session of its own: Ctrl-C in a terminal reaches the tests only, which then close it
        self._process = subprocess.Popen(
            [node, str(SCRIPT)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        try:
            self.browser_version: str = self._answer()["browser"]
        except NoPlayer:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Of the process whose child is the browser."""
        return self._process.pid

    def watch(self, path: Path, times: Iterable[float] = (), *, rate: float = 4.0) -> Watched:
        """Play all of `path`, `rate` times as fast as it should be, then seek to `times` in the order given.

        A file that cannot be played is no exception but an `error`. Raises NoPlayer.
        """
        request = {"path": str(path.absolute()), "times": [*times], "rate": rate, "cells": CELLS}
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return _watched(self._answer())

    def close(self) -> None:
        """End the browser and wait until it is gone. Safe to repeat."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        finally:
            self._process.kill()  # its browser ends with it: they talk through pipes
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        answer: dict[str, Any] = json.loads(line) if line else {"failure": "the player ended; see what it wrote above"}
        if "failure" in answer:
            raise NoPlayer(answer["failure"])
        return answer


def _watched(seen: dict[str, Any]) -> Watched:
    return Watched(
        error=seen["error"],
        duration_seconds=seen["duration"],
        size=tuple(seen["size"]) if seen["size"] else None,
        played_to_end=seen["played_to_end"],
        ended_seconds=seen["ended_at"],
        waits=[(wait["event"], wait["at"]) for wait in seen["waits"]],
        played_seconds=seen["media_times"],
        sound_bytes=seen["sound_bytes"],
        shown=[
            ShownPicture(
                asked_seconds=picture["asked"],
                current_seconds=picture["current"],
                media_seconds=picture["media_time"],
                presented_frames=picture["presented_frames"],
                grid=np.array(picture["grid"]),
            )
            for picture in seen["shown"]
        ],
    )
