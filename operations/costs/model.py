"""What so many clips a month cost, item by item. Pure: numbers in, numbers out.

A clip comes with all that it takes to get a film: pictures, its share of a composition, pages that are looked at. What
one of each takes was measured; how many there are of each is assumed, and stands in `Assumptions`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from operations.costs.prices import DAYS, Price
from pipeline.domain.models import IMAGE_MODELS, VIDEO_MODELS

GIB = 1024**3
MB = 1_000_000
SWEEPS = DAYS * 24 * 12  # every five minutes

SCENES_PER_JOB = 4  # of the multi-video job that was measured

TASK_OPERATIONS = 2
"""A task is created, and delivered."""

Measured = Mapping[str, float]
"""Figures of `make bench`, by their names."""


@dataclass(frozen=True)
class Assumptions:
    """What is not measured: what people do, and what real models deliver. Sizes in MB (10^6 bytes) and kB."""

    video_model: str = "bytedance/seedance-1-lite"
    image_model: str = "black-forest-labs/flux-schnell"
    resolution: str = "720p"
    clip_seconds: int = 5
    pictures_per_clip: float = 1.5  # some are made again
    share_in_multi_video: float = 0.75  # of the clips; the others have a job of their own
    clips_per_composition: float = 8.0
    pages_per_clip: float = 2.0  # of the API: a video with its clips
    plays_per_clip: float = 5.0  # a file that is fetched, thumbnails too
    clip_mb: float = 5.0  # what SeeDance delivers for 5 s of 720p, prepared: 8 Mbit/s
    picture_mb: float = 1.5  # a PNG of one megapixel
    stored_months: float = 12.0  # so long files have been kept: the bill is that of the month after
    documents_kb_per_clip: float = 20.0  # of job, prediction, clip, scene; with their indexes
    document_months: float = 1.0  # most go by the TTL
    platform_log_kb_per_call: float = 1.2  # the request log of Cloud Run
    cold_start_share: float = 0.05  # of the calls: they wait for an instance, and its start is billed
    cold_start_seconds: float = 4.0
    calls_per_instance: float = 1.0  # at the same moment; up to 4 share the bill of one
    secrets: int = 4


@dataclass(frozen=True)
class Item:
    """One line of a month's bill. `group` is the service."""

    group: str
    what: str
    units: float
    usd: float


def month(clips: float, measured: Measured, prices: Mapping[str, Price], assumed: Assumptions) -> list[Item]:
    """The bill. Raises KeyError for a figure that is missing."""
    work = {
        "image": clips * assumed.pictures_per_clip,
        "clip": clips * (1 - assumed.share_in_multi_video),
        "scene": clips * assumed.share_in_multi_video,
        "composition": clips / assumed.clips_per_composition,
        "api_video": clips * assumed.pages_per_clip,
        "sweep": float(SWEEPS),
    }

    def of(name: str) -> float:
        """So much of it all the work of the month takes."""
        return sum(count * measured.get(f"cost_{kind}_{name}", 0.0) for kind, count in work.items())

    if missing := [kind for kind in work if f"cost_{kind}_calls" not in measured]:
        raise KeyError(f"cost_{missing[0]}_calls")
    units = {
        **_function_units(of, assumed),
        "firestore_read": of("firestore_reads") + of("listener_reads"),
        "firestore_write": of("firestore_writes") + _by_the_frontend(work),
        "firestore_delete": of("firestore_expiring") + of("firestore_deletes"),
        "firestore_gib": clips * assumed.documents_kb_per_clip * 1000 / GIB * assumed.document_months,
        "task_operation": of("tasks") * TASK_OPERATIONS,
        "r2_gb": _new_mb(clips, assumed) / 1000 * assumed.stored_months,
        "r2_class_a": of("class_a"),
        "r2_class_b": of("class_b") + clips * assumed.plays_per_clip,
        "egress_gib": _new_mb(clips, assumed) * MB / GIB,
        "log_gib": (of("log_kb") + of("calls") * assumed.platform_log_kb_per_call) * 1000 / GIB,
        "secret_version": float(assumed.secrets),
        "secret_access": of("calls") * assumed.cold_start_share * assumed.secrets,
        "scheduler_job": 1.0,
    }
    ours = [
        Item(_group(prices[name]), prices[name].what, amount, prices[name].cost_usd(amount))
        for name, amount in units.items()
    ]
    return [*_replicate(clips, assumed), *ours]


def _replicate(clips: float, assumed: Assumptions) -> list[Item]:
    clip_usd = VIDEO_MODELS[assumed.video_model].cost_usd(assumed.clip_seconds, assumed.resolution)
    pictures = clips * assumed.pictures_per_clip
    picture_usd = IMAGE_MODELS[assumed.image_model].usd_per_image
    return [
        Item("Replicate", f"Replicate: clips by {assumed.video_model.split('/')[1]}", clips, clips * clip_usd),
        Item(
            "Replicate", f"Replicate: pictures by {assumed.image_model.split('/')[1]}", pictures, pictures * picture_usd
        ),
    ]


def _function_units(of: Callable[[str], float], assumed: Assumptions) -> dict[str, float]:
    """An instance is billed while it has calls: those that share it share its bill. Starting it is billed as well."""
    generation, composition, small = (of(f"{name}_seconds") for name in ("generation", "composition", "small"))
    shared = assumed.calls_per_instance
    starts = of("calls") * assumed.cold_start_share * assumed.cold_start_seconds
    return {
        "vcpu_second": (generation + small) / shared + composition * 2 + starts,
        "gib_second": (generation + small * 0.5) / shared + composition * 4 + starts,
        "request": of("calls"),
    }


def _by_the_frontend(work: Mapping[str, float]) -> float:
    """Job documents that pages write."""
    return work["image"] + work["clip"] + work["scene"] / SCENES_PER_JOB + work["composition"]


def _new_mb(clips: float, assumed: Assumptions) -> float:
    """What is stored in a month. A film is as big as its clips."""
    return clips * (2 * assumed.clip_mb + assumed.pictures_per_clip * assumed.picture_mb)


def _group(price: Price) -> str:
    return price.what.partition(":")[0].partition(",")[0]
