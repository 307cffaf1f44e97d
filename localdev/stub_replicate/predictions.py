"""The life of a prediction: starting, processing, then succeeded, failed, canceled or aborted. Renders real outputs.

Source: https://replicate.com/docs/topics/predictions/lifecycle
"""

import base64
import random
import re
import secrets
import subprocess
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from localdev.stub_replicate.blends import blended
from localdev.stub_replicate.clips import render_clip
from localdev.stub_replicate.markers import (
    ABORTED,
    EMPTY,
    FAILURES,
    GONE,
    HANG,
    HTML,
    SLOW,
    STUCK,
    Markers,
    markers_for,
)
from localdev.stub_replicate.models import MODELS, PICTURES
from localdev.stub_replicate.pictures import SIZES, encode, render_picture

TERMINAL = ("succeeded", "failed", "canceled", "aborted")
LIST_OUTPUT = ("black-forest-labs/flux-schnell", "black-forest-labs/flux-dev")
STARTING_SHARE = 0.2
SLOW_FACTOR = 20.0
NEVER_SECONDS = 3600.0


def iso(seconds: float) -> str:
    """A Unix time as Replicate writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "Z"


def seconds_of(duration: str) -> float:
    """Cancel-After's value: `90s`, `5m`, `1h30m`."""
    units = {"h": 3600, "m": 60, "s": 1}
    return float(sum(int(n) * units[u] for n, u in re.findall(r"(\d+)([hms])", duration))) or float(duration)


@dataclass
class Prediction:
    """One accepted create."""

    id: str
    model: str
    input: dict[str, Any]
    webhook: str | None
    webhook_events: list[str] | None
    created_at: float
    deadline_at: float | None
    status: str = "starting"
    started_at: float | None = None
    completed_at: float | None = None
    output: Any = None
    error: str | None = None
    data_removed: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    @property
    def prompt(self) -> str:
        return str(self.input.get("prompt", ""))

    def as_json(self, base_url: str) -> dict[str, Any]:
        """The body of every answer about it."""
        here = f"{base_url}/v1/predictions/{self.id}"
        metrics = {}
        if self.started_at and self.completed_at:
            metrics = {
                "predict_time": round(self.completed_at - self.started_at, 3),
                "total_time": round(self.completed_at - self.created_at, 3),
            }
        return {
            "id": self.id,
            "model": self.model,
            "version": "hidden",
            "input": {} if self.data_removed else self.input,
            "logs": "",
            "output": None if self.data_removed else self.output,
            "data_removed": self.data_removed,
            "error": self.error,
            "status": self.status,
            "source": "api",
            "created_at": iso(self.created_at),
            "started_at": iso(self.started_at) if self.started_at else None,
            "completed_at": iso(self.completed_at) if self.completed_at else None,
            "webhook": self.webhook,
            "metrics": metrics,
            "urls": {"get": here, "cancel": f"{here}/cancel", "web": f"https://replicate.com/p/{self.id}"},
        }


class PredictionRunner:
    """Runs predictions in real time; at most two render at once."""

    def __init__(
        self,
        image_seconds: float,
        video_seconds: float,
        spread: float,
        markers: Markers,
        files: dict[str, tuple[str, bytes]],
        on_event: Callable[[Prediction, str], None],
    ) -> None:
        self._image_seconds = image_seconds
        self._video_seconds = video_seconds
        self._spread = spread
        self._markers = markers
        self._files = files
        self._on_event = on_event
        self._renderers = ThreadPoolExecutor(max_workers=2)
        self._lock = threading.Lock()

    def start(self, prediction: Prediction, base_url: str) -> None:
        threading.Thread(target=self._run, args=(prediction, base_url), daemon=True).start()

    def cancel(self, prediction: Prediction) -> None:
        """Free before it has started, charged afterwards."""
        self._end(prediction, "canceled" if prediction.started_at else "aborted")

    def stop(self) -> None:
        self._renderers.shutdown(wait=False, cancel_futures=True)

    def _run(self, prediction: Prediction, base_url: str) -> None:
        is_video = MODELS[prediction.model] == "seedance"
        marks = set(markers_for(prediction.model, prediction.prompt))
        dice = random.Random(prediction.id)  # noqa: S311  jitter, not a secret
        seconds = (self._video_seconds if is_video else self._image_seconds) * dice.uniform(
            1 - self._spread, 1 + self._spread
        )
        seconds *= SLOW_FACTOR if SLOW in marks else 1.0
        if not self._pass(prediction, NEVER_SECONDS if STUCK in marks else seconds * STARTING_SHARE):
            return
        if ABORTED in marks:
            self.cancel(prediction)
            return
        prediction.status, prediction.started_at = "processing", time.time()
        self._on_event(prediction, "start")
        failure = self._markers.take(prediction.model, prediction.prompt, FAILURES)
        try:
            rendering = None if failure else self._renderers.submit(_render, prediction, self._files, base_url)
        except RuntimeError:  # the stub has been stopped
            return
        if not self._pass(prediction, NEVER_SECONDS if HANG in marks else seconds * (1 - STARTING_SHARE)):
            return
        if failure or rendering is None:
            self._end(prediction, "failed", error=FAILURES[failure or "fail"])
            return
        try:
            extension, content = rendering.result()
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            self._end(prediction, "failed", error=f"The input image could not be used: {type(error).__name__}")
            return
        self._end(prediction, "succeeded", output=self._publish(prediction, marks, extension, content, base_url))

    def _publish(self, prediction: Prediction, marks: set[str], extension: str, content: bytes, base_url: str) -> Any:
        name = f"{prediction.id}/out-0.{extension}"
        media_type = {"mp4": "video/mp4", "jpg": "image/jpeg"}.get(extension, f"image/{extension}")
        if HTML in marks:
            media_type, content = "text/html", b"<!doctype html><html><body>Bad gateway</body></html>"
        if GONE not in marks:
            self._files[name] = (media_type, content)
        url = f"{base_url}/files/{name}"
        if EMPTY in marks:
            return None
        return [url] if prediction.model in LIST_OUTPUT else url

    def _pass(self, prediction: Prediction, seconds: float) -> bool:
        """Let time pass; False when the prediction ended in it."""
        until = time.time() + seconds
        deadline = prediction.deadline_at
        if prediction.ended.wait(max(min(until, deadline or until) - time.time(), 0.0)):
            return False
        if deadline is not None and time.time() >= deadline:
            self.cancel(prediction)
            return False
        return True

    def _end(self, prediction: Prediction, status: str, output: Any = None, error: str | None = None) -> None:
        with self._lock:
            if prediction.status in TERMINAL:
                return
            prediction.output, prediction.error, prediction.completed_at = output, error, time.time()
            prediction.status = status
        prediction.ended.set()
        self._on_event(prediction, "completed")


def new_prediction(
    model: str, model_input: dict[str, Any], body: Mapping[str, Any], cancel_after: str | None
) -> Prediction:
    """What a create starts."""
    now = time.time()
    return Prediction(
        id=secrets.token_hex(13),
        model=model,
        input=model_input,
        webhook=body.get("webhook"),
        webhook_events=body.get("webhook_events_filter"),
        created_at=now,
        deadline_at=now + seconds_of(cancel_after) if cancel_after else None,
    )


def _render(prediction: Prediction, files: Mapping[str, tuple[str, bytes]], base_url: str) -> tuple[str, bytes]:
    """(file ending, content) of the output."""
    fields, prompt = prediction.input, prediction.prompt
    seed = int(fields.get("seed") or 0)
    if MODELS[prediction.model] == "seedance":
        picture = _fetch(str(fields["image"]), files, base_url)
        seconds, resolution = int(fields.get("duration", 5)), str(fields.get("resolution", "720p"))
        fixed = fields.get("camera_fixed") is True
        return "mp4", render_clip(picture, prompt, seed, seconds, resolution, camera_fixed=fixed)
    if MODELS[prediction.model] == "kontext":
        pictures = [_fetch(str(fields[name]), files, base_url) for name in PICTURES[prediction.model]]
        output_format = str(fields.get("output_format", "png"))
        return output_format, encode(blended(pictures, str(fields.get("aspect_ratio"))), output_format)
    if fields.get("aspect_ratio") == "custom":
        size = (int(fields["width"]), int(fields["height"]))
    else:
        size = SIZES.get(str(fields.get("aspect_ratio", "1:1")), SIZES["1:1"])
    output_format = str(fields.get("output_format", "webp"))
    return output_format, encode(render_picture(prompt, seed, size), output_format)


def _fetch(url: str, files: Mapping[str, tuple[str, bytes]], base_url: str) -> bytes:
    if url.startswith(f"{base_url}/v1/files/"):
        return files[url.removeprefix(f"{base_url}/v1/files/")][1]
    if url.startswith("data:"):
        return base64.b64decode(url.partition(",")[2])
    with urllib.request.urlopen(url, timeout=10) as response:
        content: bytes = response.read()
        return content
