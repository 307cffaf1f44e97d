"""A bucket as years of other software leave it: clips of many users, most with good names, some with odd ones."""

import json
import random
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

STYLES = ("split", "left_focus", "right_focus", "blur", "intelligent_speaker")
WORDS = ("opening", "harbour", "the-big-question", "lights-out", "why-it-works", "encore")

ODD: tuple[Callable[[int], str], ...] = (
    lambda n: f"clip_{n:02d}_{n:02d}_Schöner-Hafen_split.mp4",
    lambda n: unicodedata.normalize("NFD", f"clip_{n:02d}_{n:02d}_schöner-hafen_split.mp4"),
    lambda n: f"clip_{n:02d}_{n:02d}_灯台-🎬_left_focus.mp4",
    lambda n: f"clip_{n:02d}_{n:02d}_v1.2.final_blur.mp4",
    lambda n: f"clip_{n:02d}_{n:02d}_two_words_left_focus.mp4",
    lambda n: f"clip_{n:02d}__no-scene_split.mp4",
    lambda n: f"clip_{n % 10}_{n % 10}_short-numbers-{n}_split.mp4",
    lambda n: f"clip_{n:02d}_{n:02d}_nostyle{n}.mp4",
    lambda n: f"CLIP_{n:02d}_{n:02d}_LOUD_SPLIT.mp4",
    lambda n: f"my holiday & more + {n}%.mp4",
    lambda n: f"clip_{n:02d}_{n:02d}_double..dots_.mp4",
    lambda n: f"{n}.mp4",
    lambda n: f"{'long' * 50}{n}.mp4",
)
"""Names that can be a document's, each in another way not ours."""

IMPOSSIBLE: tuple[Callable[[int], str], ...] = (
    lambda n: f"__clip_{n}__.mp4",
    lambda n: f"below/clip_{n:02d}_{n:02d}_deeper_split.mp4",
    lambda n: f"back\\slash_{n}.mp4",
    lambda _: ".mp4",
)
"""Names that no document can have."""


@dataclass
class OldBucket:
    """What was put into it. Keys of clips, those among them that cannot be documents, and of everything."""

    keys: list[str] = field(default_factory=list)
    clips: set[str] = field(default_factory=set)
    impossible: set[str] = field(default_factory=set)
    odd: set[str] = field(default_factory=set)


def fill(
    put: Callable[[str, bytes], object], *, users: int, videos: int, clips_of: int, odd_share: float, seed: int
) -> OldBucket:
    """Fill a bucket with `videos` of each user: clips with thumbnails, highlights that are there, absent or broken."""
    dice = random.Random(seed)  # noqa: S311 - repeatable
    bucket = OldBucket()

    def store(key: str, data: bytes) -> None:
        put(key, data)
        bucket.keys.append(key)

    for user in range(users):
        user_id = f"user-{user}"
        store(f"{user_id}/images/scene-1/job.png", b"picture")
        store(f"uploads/{user_id}/holiday.mp4", b"an upload")
        for number in range(videos):
            folder = f"{user_id}/video-{number:03d}"
            for name in _names(clips_of, odd_share, dice, bucket, folder):
                key = f"{folder}/clips/{name}"
                store(key, dice.randbytes(dice.randint(0, 60)))
                bucket.clips.add(key)
                if dice.random() < 0.9:
                    store(f"{key.removesuffix('.mp4')}.jpg", b"thumbnail")
            for name, data in _extras(number, clips_of):
                store(f"{folder}/{name}", data)
        store(f"{user_id}/__reserved__/clips/clip_01_01_x_split.mp4", b"clip")
        bucket.clips.add(bucket.keys[-1])
        bucket.impossible.add(bucket.keys[-1])
        store(f"{user_id}/composed/final/job.mp4", b"a composition")
        store(f"{user_id}/astray/clip_01_01_beside_split.mp4", b"clip")
        bucket.clips.add(bucket.keys[-1])
        bucket.impossible.add(bucket.keys[-1])
    return bucket


def _names(count: int, odd_share: float, dice: random.Random, bucket: OldBucket, folder: str) -> Iterator[str]:
    for number in range(1, count + 1):
        if dice.random() >= odd_share:
            yield f"clip_{number:02d}_{(number + 1) // 2:02d}_{dice.choice(WORDS)}_{dice.choice(STYLES)}.mp4"
            continue
        kinds = IMPOSSIBLE if dice.random() < 0.2 else ODD
        name = kinds[(len(bucket.odd) + len(bucket.impossible)) % len(kinds)](number)
        (bucket.impossible if kinds is IMPOSSIBLE else bucket.odd).add(f"{folder}/clips/{name}")
        yield name


def _extras(number: int, clips: int) -> Iterator[tuple[str, bytes]]:
    """Highlights of every third video, broken ones of every third, some manifests, some things that nobody knows."""
    scenes = [
        {"id": n, "title": f"Scene {n} of {number}", "start": n * 10.5, "end": n * 10.5 + 8, "priority": n}
        for n in range(1, clips // 2 + 1)
    ]
    if number % 3 == 0:
        yield "highlights.json", json.dumps(scenes).encode()
    if number % 3 == 1:
        yield "highlights.json", json.dumps(scenes).encode()[: 40 * (number % 5)]
    if number % 7 == 3:
        entry = {"filename": "clip_01_01_gone_split.mp4", "scene_title": "Gone", "status": "completed"}
        video = {"video_title": f"Title {number}", "status": "completed", "styles_processed": ["split"]}
        yield "manifest.json", json.dumps({"version": 1, "video": video, "clips": [entry]}).encode()
    if number % 11 == 5:
        yield "manifest.json", b"{]"
    if number % 5 == 2:
        yield "clips/notes.txt", b"?"
        yield "clips/clip_99_99_nothing_split.jpg", b"thumbnail of nothing"
