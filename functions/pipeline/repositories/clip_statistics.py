"""How many completed clips a video has, of which styles, and how large they are: aggregated, all at one moment.

    the video is read ──> number, size, number of each known style: at once, as of that read ──> the styles make up
                          the number, or else the styles that are there are looked for

So it takes three round trips however many clips and styles there are, and a few more when a style is new.
"""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from google.cloud import firestore
from google.cloud.firestore_v1.base_query import FieldFilter

from pipeline.repositories.documents import Fields

WORKERS = 8


def count_completed(clips: firestore.CollectionReference, known_styles: Iterable[str], at: datetime) -> Fields:
    """The statistics as they stand on the video. `known_styles` may be more or fewer than there are."""
    completed = clips.where(filter=FieldFilter("status", "==", "completed"))

    with ThreadPoolExecutor(max_workers=WORKERS) as pool:

        def figures(aggregations: Iterable[Any]) -> Iterator[int]:
            return pool.map(lambda one: int(one.get(read_time=at)[0][0].value), aggregations)

        def of_styles(styles: Iterable[str]) -> list[Any]:
            return [completed.where(filter=FieldFilter("style", "==", style)).count() for style in styles]

        styles = sorted(set(known_styles))
        # not in one query: a number beside a sum counts only the clips that have a size
        count, size_bytes, *by_style = figures(
            [completed.count(), completed.sum("file_size_bytes"), *of_styles(styles)]
        )
        if sum(by_style) != count:
            styles = list(_styles_of(completed, at))
            by_style = list(figures(of_styles(styles)))
    return {
        "clips_count": count,
        "total_size_bytes": size_bytes,
        "clips_by_style": {style: number for style, number in zip(styles, by_style, strict=True) if number},
    }


def _styles_of(clips: firestore.Query, at: datetime) -> Iterator[str]:
    """The styles that these clips have, each once: ask for the first clip of a style beyond the last one."""
    first = clips.select(["style"]).order_by("style").limit(1)
    found = list(first.stream(read_time=at))
    while found:
        style = found[0].get("style")
        yield style
        found = list(first.start_after([style]).stream(read_time=at))
