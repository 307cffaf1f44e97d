"""Job documents of all kinds that are nearly right, nearly wrong, or come with what only functions may write."""

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from pipeline.domain.jobs import JobKind
from tests.fuzz.fuzz_world import SOURCES
from tests.fuzz.odd_values import moments, mutated, numbers, values, words

USER, THEM = "user-1", "user-b"
PICTURE = f"{SOURCES}picture.png"

COMMON = {"job_id": "job-1", "user_id": USER, "status": "pending", "force": False, "dry_run": False}
SCENE = {
    "scene_number": 1,
    "scene_id": "scene-1",
    "seed_image_url": PICTURE,
    "description": "A lighthouse",
    "duration": 5.0,
    "camera_fixed": True,
}
DOCUMENTS: Mapping[JobKind, Mapping[str, Any]] = {
    JobKind.IMAGE: {
        **COMMON,
        "scene_id": "scene-1",
        "storyboard_id": "board-1",
        "text": "A lighthouse",
        "style_prompt": "oil",
        "aspect_ratio": "16:9",
        "seed": 7,
        "use_product_composite": False,
        "product_id": "product-1",
        "composite_scale": 0.4,
        "composite_x": 0.5,
        "composite_y": 0.8,
        "composite_shadow": True,
        "request_id": "click-1",
        "retry_of": None,
        "composite_match": True,
    },
    JobKind.VIDEO: {
        **COMMON,
        "scene_id": "scene-1",
        "storyboard_id": "board-1",
        "image_url": PICTURE,
        "text": "A lighthouse",
        "duration": 5.0,
        "resolution": "720p",
        "camera_fixed": True,
        "seed": 7,
        "request_id": "click-1",
        "retry_of": None,
    },
    JobKind.MULTI_VIDEO: {
        **COMMON,
        "scenes": [SCENE, {**SCENE, "scene_number": 2, "scene_id": "scene-2"}],
        "storyboard_id": "board-1",
        "audio_url": f"{SOURCES}a.mp3",
        "resolution": "480p",
        "camera_fixed": False,
        "seed": 2**31 - 1,
        "request_id": "click-1",
        "retry_of": None,
    },
    JobKind.COMPOSITION: {
        **COMMON,
        "clips": [{"scene_number": 1, "video_url": "https://clips.test/a.mp4", "duration": 5.0}],
        "storyboard_id": "board-1",
        "title": "x",
        "audio_url": "https://clips.test/a.mp3",
        "transition": "fade",
        "include_crossfade": True,
        "crossfade_seconds": 0.5,
        "optimize_size": False,
        "request_id": "click-1",
        "retry_of": None,
    },
}
"""Compositions end at their first clip: to join clips is not simulated."""

THEIR_KEY = "user-b/theirs/clips/secret.mp4"
TAKEN = {
    **{f"{name}_{end}": THEIR_KEY for name in ("image", "video", "thumbnail", "poster") for end in ("url", "key")},
    "width": 1,
    "height": 1,
    "size_bytes": 1,
    "video_id": "theirs",
    "clip_id": "theirs",
    "duration": 1.0,
    "warnings": [],
    "composited": False,
    "title": "x",
}
PREDICTED = {
    "url": f"{SOURCES}theirs.mp4",
    "model": "m",
    "seed": 7,
    "reused_from": "theirs",
    "stored": TAKEN,
    "prompt": "p",
    "content_key": "theirs",
}


def _only(names: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: fields[name] for name in names.split()}


_PLACED = {"video_id": "theirs", "scene_number": 1, "text": "x", "style": "x", "start_seconds": 0.0}
_STORED_IMAGE = _only("image_url image_key thumbnail_url thumbnail_key width height size_bytes composited", TAKEN)
_CLIP = "video_url video_key thumbnail_url thumbnail_key duration width height size_bytes"
_OUTPUTS = {
    "predict": PREDICTED,
    "scene_1_predict": PREDICTED,
    "store": _STORED_IMAGE,
    "scene_1_store": _only(f"{_CLIP} video_id clip_id", TAKEN),
    "place": _PLACED,
    "compose": _only(f"{_CLIP} poster_url poster_key warnings", TAKEN),
    "prompt": {"title": "x", "description": "x", "picture": "x", "motion": "x"},
    "reuse": {"steps": 9},
    "advance": {},
    "discard": {"files": 9},
}
steps = st.dictionaries(
    st.sampled_from([*_OUTPUTS]),
    st.fixed_dictionaries(
        {},
        optional={
            "done": st.booleans() | values,
            "attempt": numbers,
            "rate_limited": numbers,
            "retry_at": moments | values,
            "failed": st.booleans() | values,
            "error_code": values,
            "output": values,
        },
    ),
    max_size=6,
).map(lambda found: {name: {"output": _OUTPUTS[name], **step} for name, step in found.items()})

PRESETS = {
    "turn": numbers,
    "attempt": numbers,
    "interruptions": numbers,
    "lease_expires_at": moments,
    "wake_at": moments,
    "wake_requested": st.booleans(),
    "claim_id": words,
    "schema_version": numbers,
    "min_reader_version": numbers,
    "started_at": moments,
    "completed_at": moments,
    "expire_at": moments,
    "stage": words,
    "progress_percent": numbers,
    "cost_usd": numbers,
    "usage_day": st.sampled_from(["2020-01-01", "2026-01-01", "9999-12-31", "a/b", "x", ".."]),
    "reserved_microusd": numbers,
    "estimated_cost_usd": numbers,
    "duplicate_of": st.sampled_from(
        ["image_generation_jobs/theirs", "video_generation_jobs/theirs", "image_generation_jobs/job-1", "x", "users/x"]
    ),
    "origin_job_id": st.sampled_from(["theirs", "board-1", "a/b", ".."]),
    "document_created_at": moments,
    "steps": steps,
    "adjustments": st.lists(st.fixed_dictionaries({"field": words, "asked": values}), max_size=3),
    "error": st.fixed_dictionaries({"code": words, "message": words}),
    "error_message": words,
    "scene_errors": st.lists(st.fixed_dictionaries({"scene_number": numbers}), max_size=3),
    "would_exceed": values,
    "cancel_requested": st.booleans(),
    "image_key": st.just(THEIR_KEY),
    "video_key": st.just(THEIR_KEY),
    "image_url": st.just(f"https://storage.test/{THEIR_KEY}"),
}


def presets() -> st.SearchStrategy[dict[str, Any]]:
    """What a creator has no business to write."""
    as_ours = st.sets(st.sampled_from([*PRESETS]), max_size=6).flatmap(
        lambda chosen: st.fixed_dictionaries({name: PRESETS[name] for name in sorted(chosen)})
    )
    anything = st.dictionaries(st.sampled_from([*PRESETS]), values, max_size=2)
    status = st.just({}) | st.fixed_dictionaries({"status": st.sampled_from(["processing", "odd", ""]) | values})
    return st.builds(
        lambda *parts: {name: value for part in parts for name, value in part.items()}, anything, as_ours, status
    )


def scene_lists() -> st.SearchStrategy[dict[str, Any]]:
    """Lists of scenes with odd entries, with the same number twice, or far too long."""
    one = mutated(SCENE, most=2)
    several = st.lists(one, max_size=4) | st.lists(one | values, max_size=3)
    numbered = several.map(
        lambda scenes: [
            {**scene, "scene_number": place, "scene_id": f"scene-{place}"} if isinstance(scene, dict) else scene
            for place, scene in enumerate(scenes, 1)
        ]
    )
    long = st.integers(51, 60).map(lambda count: [{**SCENE, "scene_number": n} for n in range(1, count + 1)])
    twice = st.just([SCENE, SCENE])
    lists = several | numbered | several | numbered | twice | long
    return lists.map(lambda scenes: {"scenes": [scene for scene in scenes if not isinstance(scene, list)]})


def documents(kind: JobKind) -> st.SearchStrategy[dict[str, Any]]:
    """Jobs of one kind that are nearly right, nearly wrong, or not jobs at all."""
    lists: st.SearchStrategy[dict[str, Any]] = st.just({})
    if kind is JobKind.MULTI_VIDEO:
        lists = st.just({}) | st.just({}) | scene_lists()
    if kind is JobKind.COMPOSITION:
        entry = mutated(DOCUMENTS[kind]["clips"][0], most=2)
        lists = st.just({}) | st.fixed_dictionaries({"clips": st.lists(entry, max_size=4)})
    base = mutated(DOCUMENTS[kind]) | st.just({**DOCUMENTS[kind]})
    return st.builds(lambda *parts: {**parts[0], **parts[1], **parts[2]}, base, lists, st.just({}) | presets())
