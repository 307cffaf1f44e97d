"""How fast the migration command brings clips from a listed bucket into Firestore, and how fast it could at best.

The command runs as whoever migrates runs it, `python -m migration run`, but without its limit on writes a second, which
is there for databases that others use. That limit, 400 unless another is given, is the target: the command itself must
not be what is slow. Beside it, in turns, the same documents are written by nothing but batches of 500, by one thread
and by as many as the command has: what the Python client and the emulator can do where nobody lists, parses, reads what
is there, or counts, which is most of the command's work. Every run has a project of its own in the emulator, empty.

Storage remembers a dry run before (`stocked_storage`), so moto's time is in no figure. The emulator's is: what a real
Firestore takes is not measured here. `python -m localdev.bench.migrations 100000` migrates so many clips, which takes
some minutes, and an emulator that may grow to 7 GB.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from typing import Any

from google.cloud import firestore

from localdev.bench.figures import Figure, seconds_of
from localdev.bench.firestore_clients import VARIABLE, firestore_client
from localdev.bench.stocked_storage import BUCKET, PYTHON_PATH, StockedStorage
from localdev.bench.video_material import MaterialVideo
from localdev.stack.firestore_emulator import FirestoreEmulator
from localdev.stack.object_stores import R2_ACCESS_KEY_ID, R2_SECRET_ACCESS_KEY
from localdev.stack.ports import LOOPBACK

CLIPS = 5000
CLIPS_OF_A_VIDEO = 250
VIDEOS_OF_A_USER = 5
ROUNDS = 3
THREADS = 8
BATCH = 500
"""The most that Firestore takes at once."""


def measure(clips_count: int = CLIPS, rounds: int = ROUNDS) -> list[Figure]:
    videos = [
        MaterialVideo(f"user-{number // VIDEOS_OF_A_USER}", f"video-{number}", CLIPS_OF_A_VIDEO)
        for number in range(clips_count // CLIPS_OF_A_VIDEO)
    ]
    with ExitStack() as open_until_done:
        enter = open_until_done.enter_context
        storage = enter(StockedStorage(videos))
        folder = Path(enter(tempfile.TemporaryDirectory()))
        emulator = enter(FirestoreEmulator(folder))
        _migrate(storage, emulator, "demo-dry", folder, dry=True)
        rates: dict[str, list[float]] = {"migration": [], "one thread": [], f"{THREADS} threads": []}
        for number in range(rounds):
            migrated = _migrate(storage, emulator, f"demo-migrated-{number}", folder)
            if migrated["clips"] != clips_count or migrated["documents_written"] < clips_count:
                raise RuntimeError(f"The migration did not write what is there: {migrated}")
            rates["migration"].append(migrated["clips_per_second"])
            for threads, name in ((1, "one thread"), (THREADS, f"{THREADS} threads")):
                with firestore_client(emulator.address, f"demo-written-{number}-{threads}") as client:
                    rates[name].append(_write_rate(client, videos, threads))
    rate, *raw = (statistics.median(measured) for measured in rates.values())
    told = ", ".join(f"{name} {value:.0f}/s" for name, value in zip(list(rates)[1:], raw, strict=True))
    return [
        Figure("migration_clips_per_second", rate, f"clips/s, {clips_count:,} clips on the emulator", ">= 400"),
        Figure("migration_rate_ratio", rate / max(raw), f"of writing alone ({told})", ">= 0.2"),
    ]


def _migrate(
    storage: StockedStorage, emulator: FirestoreEmulator, project: str, folder: Path, *, dry: bool = False
) -> dict[str, Any]:
    """What the report of a run of the command says of it."""
    report = folder / f"{project}.json"
    command = [sys.executable, "-m", "migration", "run", "--project", project, "--parallel", str(THREADS)]
    command += ["--writes-per-second", "1e9", "--report", str(report), "--state", str(folder / f"{project}.state")]
    endpoint = f"http://{LOOPBACK}:{storage.port}"
    settings = {
        VARIABLE: emulator.address,
        "STORAGE_BACKEND": "r2",
        "R2_ENDPOINT_URL": endpoint,
        "R2_BUCKET": BUCKET,
        "R2_ACCESS_KEY_ID": R2_ACCESS_KEY_ID,
        "R2_SECRET_ACCESS_KEY": R2_SECRET_ACCESS_KEY,
        "R2_PUBLIC_BASE_URL": f"{endpoint}/{BUCKET}",
        "METADATA_MODE": "dual_write",
    }
    done = subprocess.run(
        [*command, *(["--dry-run"] if dry else [])],
        env={**os.environ, **PYTHON_PATH, **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"The migration failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    this_run: dict[str, Any] = json.loads(report.read_text())["this_run"]
    return this_run


def _write_rate(client: firestore.Client, videos: Sequence[MaterialVideo], threads: int) -> float:
    """Documents a second, made beforehand, by batches alone."""
    batches = list(_batches([clip for video in videos for clip in video.clips()]))

    def write(documents: Sequence[Any]) -> None:
        batch = client.batch()
        for clip in documents:
            path = ("users", clip["user_id"], "videos", clip["video_id"], "clips", clip["clip_id"])
            batch.set(client.document(*path), clip)
        batch.commit()

    def write_all() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(write, batches))

    return sum(map(len, batches)) / seconds_of(write_all)


def _batches(documents: Sequence[Any]) -> Iterator[list[Any]]:
    remaining = iter(documents)
    while batch := list(islice(remaining, BATCH)):
        yield batch


if __name__ == "__main__":
    for figure in measure(int(sys.argv[1]), rounds=1):
        print(figure)
