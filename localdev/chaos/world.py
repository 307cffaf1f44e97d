"""Who creates the jobs, and what they name: users, scenes, storyboards, a product, small media files."""

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from google.cloud import firestore
from PIL import Image, ImageDraw

from localdev.chaos.cases import ChaosJob
from localdev.stack import PROJECT_ID, LocalStack
from operations.frontend import Frontend, local_user
from pipeline.domain.jobs import JobKind

USERS = 4
CLIP_SECONDS = 2.0
PICTURE_SIZE = (96, 160)
MEDIA_PREFIX = "own-media/"


class World:
    """A stack's users and their things. What a user writes is written with a user's rights."""

    def __init__(self, stack: LocalStack, seed: int) -> None:
        self._seed = seed
        self._backend = firestore.Client(project=PROJECT_ID)
        self._stranger = self._frontend(stack, "stranger")
        self._frontends = [self._frontend(stack, f"user-{number}") for number in range(USERS)]
        with tempfile.TemporaryDirectory() as folder:
            self._publish(stack, Path(folder))
        for frontend in self._frontends:
            frontend.firestore.document(f"storyboards/{self._board(frontend)}").set(
                {"user_id": frontend.user.user_id, "title": "Chaos", "style": "cinematic", "scene_order": []}
            )
        self._products = {
            frontend.user.user_id: frontend.create_product("Mug", self._product_url) for frontend in self._frontends
        }

    def close(self) -> None:
        for frontend in (*self._frontends, self._stranger):
            frontend.firestore.close()

    def frontend(self, job: ChaosJob) -> Frontend:
        """Its user's, the same in every run."""
        return self._frontends[int(job.job_id.rpartition("-")[2]) % USERS]

    def owner_id(self, job: ChaosJob) -> str:
        return self.frontend(job).user.user_id

    def video_id(self, job: ChaosJob) -> str:
        """The video that its clips belong to."""
        return self._board(self.frontend(job)) if job.case.shared_board else job.job_id

    def create(self, job: ChaosJob) -> None:
        """Write its scenes, then the job itself."""
        frontend = self.frontend(job)
        for number, scene_id in enumerate(job.scene_ids, start=1):
            owner = self._stranger if job.case.foreign and number == len(job.scene_ids) else frontend
            owner.firestore.document(f"scenes/{scene_id}").set(_scene(owner, self._board(frontend)))
        now = datetime.now(UTC)
        common = {"job_id": job.job_id, "user_id": frontend.user.user_id, "status": "pending"}
        # rules refuse to a client what a careless backend may do
        client = self._backend if job.case.foreign else frontend.firestore
        client.document(job.path).set({**common, "created_at": now, "updated_at": now, **self._fields(job, frontend)})

    def _fields(self, job: ChaosJob, frontend: Frontend) -> Mapping[str, Any]:
        board = {"storyboard_id": self._board(frontend)} if job.case.shared_board else {}
        match job.kind:
            case JobKind.IMAGE:
                product = {"use_product_composite": True, "product_id": self._products[frontend.user.user_id]}
                more = product if job.case.name == "product" else {}
                return {"scene_id": job.scene_id(1), "text": job.text, "style_prompt": "watercolour", **more}
            case JobKind.VIDEO:
                named = {"scene_id": job.scene_id(1), "image_url": self._picture_url}
                return {**named, "text": job.text, "duration": CLIP_SECONDS, **board}
            case JobKind.MULTI_VIDEO:
                scenes = [self._multi_scene(job, number) for number in range(1, job.case.scenes + 1)]
                return {"scenes": scenes, "clips": [], **board}
        return self._composition(job)

    def _multi_scene(self, job: ChaosJob, number: int) -> Mapping[str, Any]:
        return {
            "scene_number": number,
            "scene_id": job.scene_id(number),
            "seed_image_url": self._picture_url,
            "duration": CLIP_SECONDS,
            "description": job.text if number == 1 else f"{job.job_id} scene {number}",
        }

    def _composition(self, job: ChaosJob) -> Mapping[str, Any]:
        urls = list(self._clip_urls)
        if job.case.name == "clip not there":
            urls[1] = urls[1].replace(".mp4", "-missing.mp4")
        if job.case.name == "unsafe address":
            urls[1] = "https://169.254.169.254/latest/clip.mp4"
        with_music = job.case.name == "crossfade and music"
        return {
            "title": job.job_id,
            "clips": [{"scene_number": n, "video_url": url, "duration": 1.0} for n, url in enumerate(urls, start=1)],
            "audio_url": self._music_url if with_music else None,
            "include_crossfade": with_music,
            "optimize_size": False,
            "video_url": None,
        }

    def _board(self, frontend: Frontend) -> str:
        return f"chaos-board-{self._seed}-{self._frontends.index(frontend)}"

    def _frontend(self, stack: LocalStack, name: str) -> Frontend:
        return Frontend(PROJECT_ID, local_user(stack.urls.auth, f"{name}@example.com"))

    def _publish(self, stack: LocalStack, folder: Path) -> None:
        picture, product = folder / "picture.png", folder / "product.png"
        Image.linear_gradient("L").resize(PICTURE_SIZE).convert("RGB").save(picture)
        mug = Image.new("RGBA", (64, 64))
        ImageDraw.Draw(mug).ellipse((8, 8, 56, 56), fill=(200, 40, 40, 255))
        mug.save(product)
        self._picture_url, self._product_url = stack.publish(picture), stack.publish(product)
        self._clip_urls = [stack.publish(_clip(folder / f"{color}.mp4", color)) for color in ("red", "blue")]
        self._music_url = stack.publish(_encoded(folder / "music.m4a", "sine=f=440:d=2", "-c:a", "aac"))


def _scene(owner: Frontend, board_id: str) -> Mapping[str, Any]:
    return {
        "storyboard_id": board_id,
        "user_id": owner.user.user_id,
        "state": "text",
        "text": "A lighthouse",
        "style_prompt": "watercolour",
        "video_duration": CLIP_SECONDS,
        "generation_status": {"image": "pending", "video": "pending"},
    }


def _clip(path: Path, color: str) -> Path:
    options = ("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
    return _encoded(path, f"color={color}:s=96x160:r=24:d=1", *options)


def _encoded(path: Path, source: str, *options: str) -> Path:
    command: Sequence[str] = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", "-f", "lavfi", "-i", source]
    subprocess.run([*command, *options, str(path)], check=True, stdin=subprocess.DEVNULL)
    return path
