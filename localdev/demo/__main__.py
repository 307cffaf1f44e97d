"""`python -m localdev.demo`: from words to a final video on the local stack, or from the caller's own clips."""

import argparse
import os
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from localdev.demo import story
from localdev.demo.contact_sheet import write_contact_sheet
from localdev.demo.journey import JobFailed, Journey
from localdev.demo.music import write_music
from localdev.stack import PROJECT_ID, LocalStack, StackError
from operations.frontend import Frontend, local_user

OUTPUT = Path("build/demo")


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 when the final video is made, 1 when a part or a job failed, 2 for wrong arguments."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False)
    missing = [str(path) for path in [*options.clips, *filter(None, [options.audio])] if not path.is_file()]
    if missing:
        console.print(f"There is no file {', '.join(missing)}.", style="red")
        return 2
    started = time.monotonic()
    try:
        with LocalStack(say=lambda line: console.print(f"  {line}", style="dim", markup=False)) as stack:
            os.environ.update(stack.environment())
            final, journey = _tell(stack, options, console)
            files = _collect(final)
    except (StackError, JobFailed, TimeoutError) as error:
        console.print(f"{error}\nThe functions' log: build/local/emulators.log", style="red", markup=False)
        return 1
    _report(console, journey, final, files, time.monotonic() - started, real=not stack.urls.replicate_url)
    return 0


def _tell(stack: LocalStack, options: argparse.Namespace, console: Console) -> tuple[dict[str, Any], Journey]:
    user = local_user(stack.urls.auth, "demo@example.com")
    console.print(f"Signed in as demo@example.com ({user.user_id})")
    journey = Journey(Frontend(PROJECT_ID, user), console)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    music = options.audio or write_music(OUTPUT / "music.m4a")
    audio_url = stack.publish(music)
    if options.clips:
        console.print(f"Composing your {len(options.clips)} clips")
        urls = [stack.publish(path, f"own-media/{n}-{path.name}") for n, path in enumerate(options.clips, start=1)]
        clips = [{"scene_number": number, "video_url": url} for number, url in enumerate(urls, start=1)]
        return journey.composition(clips, audio_url), journey
    scenes = [
        {"text": scene.text, "style_prompt": story.STYLE_PROMPT, "video_duration": scene.seconds}
        for scene in story.SCENES
    ]
    console.print(f"Storyboard “{story.TITLE}” with {len(scenes)} scenes")
    storyboard_id, scene_ids = journey.frontend.create_storyboard(story.TITLE, story.STYLE, scenes)
    images = journey.images(storyboard_id, scene_ids)
    _show_words(journey.frontend, storyboard_id, images, console)
    clips = journey.clips(storyboard_id, scene_ids, [image["image_url"] for image in images])
    final = journey.composition(clips, audio_url, storyboard_id)
    _show_video(stack, journey.frontend, storyboard_id, console)
    return final, journey


def _show_words(frontend: Frontend, storyboard_id: str, images: list[dict[str, Any]], console: Console) -> None:
    """What the writer made of the scenes."""
    look = frontend.firestore.document(f"storyboards/{storyboard_id}").get().to_dict() or {}
    if "look" in look:
        console.print(f"The look of all scenes: {look['look']['text']}", style="dim", markup=False)
    console.print(f"The first picture's prompt ({images[0]['prompt_source']}): {images[0]['prompt']}", style="dim")


def _show_video(stack: LocalStack, frontend: Frontend, video_id: str, console: Console) -> None:
    """The finished video and its clips, as the API tells of them; the first clip as somebody would fetch it."""
    path = f"/api/videos/{video_id}"
    video = frontend.ask_api(stack.urls.functions_url, path)
    console.print(f"GET {path}: “{video['title']}” is {video['status']}, {video['clips_count']} clips")
    for clip in video["clips"]:
        console.print(f"  {clip['size']:>8}  {clip['title']}", style="dim", no_wrap=True, overflow="ellipsis")
    place = frontend.ask_api(stack.urls.functions_url, f"{video['clips'][0]['url']}?redirect=false")
    with urllib.request.urlopen(place["url"], timeout=60) as response:
        (OUTPUT / "first-clip.mp4").write_bytes(response.read())


def _collect(final: dict[str, Any]) -> dict[str, Path]:
    """Fetch what was made, before the stack and its storage are gone."""
    files = {"video": OUTPUT / "final.mp4", "poster": OUTPUT / "poster.jpg"}
    for name, path in files.items():
        with urllib.request.urlopen(final[f"{name}_url"], timeout=60) as response:
            path.write_bytes(response.read())
    return files | {"contact sheet": write_contact_sheet(files["video"], OUTPUT / "contact-sheet.png")}


def _report(
    console: Console, journey: Journey, final: dict[str, Any], files: dict[str, Path], seconds: float, *, real: bool
) -> None:
    table = Table(title="What it took", title_justify="left")
    for heading in ("job", "", "seconds", "US dollars"):
        table.add_column(heading, justify="right" if heading in ("seconds", "US dollars") else "left")
    for kind, label, job_seconds, cost in journey.journal.rows:
        table.add_row(kind, label, f"{job_seconds:.1f}", f"{cost:.3f}")
    total = sum(row[3] for row in journey.journal.rows)
    table.add_section()
    table.add_row("all", "with starting and stopping", f"{seconds:.1f}", f"{total:.3f}")
    console.print(table)
    console.print(
        "It has cost that." if real else "The dollars are what Replicate would have charged; nothing was spent."
    )
    console.print(f"{final['duration']:.1f} s of video, {final['width']}x{final['height']}:")
    for name, path in files.items():
        console.print(f"  {name:<14}{path.resolve()}")
    console.print("The same with your own words, in a browser: make studio")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localdev.demo", description=__doc__)
    parser.add_argument("--clips", type=Path, nargs="+", default=[], help="compose these files instead")
    parser.add_argument("--audio", type=Path, help="music for the final video")
    return parser


if __name__ == "__main__":
    sys.exit(main())
