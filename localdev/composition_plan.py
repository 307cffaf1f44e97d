"""`make plan`: what a composition of some clips would copy and encode, and why. Nothing is encoded."""

import argparse
import sys
from pathlib import Path

from pipeline.adapters.media_probe import probe_media
from pipeline.domain.errors import JobError, SourceError
from pipeline.domain.media import MediaProbe
from pipeline.domain.media_copies import USUAL_FADE_SECONDS
from pipeline.domain.media_plans import CompositionOptions, CompositionPlan, plan_composition
from pipeline.domain.transitions import TRANSITIONS


def main() -> int:
    """Exit status: 0, or 1 when the clips cannot be composed."""
    parser = argparse.ArgumentParser(prog="make plan", description=__doc__)
    parser.add_argument("clips", nargs="+", type=Path)
    parser.add_argument("--audio", type=Path, help="a background track")
    parser.add_argument("--crossfade-seconds", type=float, default=float(USUAL_FADE_SECONDS), help="0: hard cuts")
    parser.add_argument("--transition", choices=TRANSITIONS, default="fade", metavar="NAME")
    parser.add_argument("--optimize-size", action="store_true")
    wanted = parser.parse_args()
    options = CompositionOptions(
        crossfade=wanted.crossfade_seconds > 0,
        crossfade_seconds=wanted.crossfade_seconds,
        transition=wanted.transition,
        optimize_size=wanted.optimize_size,
    )
    try:
        plan = plan_composition(
            [_look(clip) for clip in wanted.clips], options, _look(wanted.audio) if wanted.audio else None
        )
    except JobError as error:
        print(error, file=sys.stderr)
        return 1
    print(plan.describe())
    print(*segment_lines(plan), sep="\n")
    return 0


def _look(path: Path) -> MediaProbe:
    try:
        return probe_media(path)
    except (SourceError, OSError) as error:
        raise SourceError(f"{path}: {error}") from error


def segment_lines(plan: CompositionPlan) -> list[str]:
    """The segments in order, one a line: where it begins, how long it is, what is done."""
    lines, at = [], 0
    for segment in plan.segments:
        left, right = segment.left, segment.right
        what = "copy" if segment.is_copied else "encode, or copy if that is smaller" if segment.may_copy else "encode"
        parts = f"clip {left.clip + 1} [{left.start}, {left.end})"
        if right is not None:
            parts += f" {plan.transition} over {segment.fade} into clip {right.clip + 1} [{right.start}, {right.end})"
        seconds = float(at / plan.form.frame_rate)
        lines.append(f"  {seconds:8.2f} s  {segment.frames:5d} frames  {what}: {parts}")
        at += segment.frames
    return lines


if __name__ == "__main__":
    sys.exit(main())
