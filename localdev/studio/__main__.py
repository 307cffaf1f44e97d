"""`python -m localdev.studio`: build the page, serve it on the local stack, say how to begin, run until Ctrl-C."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path

from rich.console import Console

from localdev.stack import LocalStack, StackError
from localdev.stack.__main__ import USUAL_PORTS
from localdev.stack.endpoints import Endpoints
from localdev.stack.foreground import run_until_ctrl_c
from localdev.stack.stack import PROJECT_ROOT
from localdev.studio.page import built_page, is_stale
from localdev.studio.samples import write_samples

MARKERS = {
    "[stub:nsfw]": "what is made of it is refused as unsafe",
    "[stub:interrupt-once]": "the model stops once, and is asked again by itself",
    "[stub:hang]": "the model never answers: cancel the job",
}
"""The most useful of localdev/stub_replicate/markers.py, with what happens to a scene whose text holds them."""


def main(arguments: list[str] | None = None) -> int:
    """Exit status: 0 after Ctrl-C or SIGTERM, 1 when the page cannot be built or the stack cannot start."""
    options = _parser().parse_args(arguments)
    console = Console(highlight=False, soft_wrap=True)
    try:
        if is_stale(options.web):
            console.print("building the page", style="dim")
        site = built_page(options.web)
    except StackError as error:
        console.print(str(error), style="red", markup=False)
        return 1
    stack = LocalStack(
        site=site,
        preferred_ports=USUAL_PORTS,
        image_seconds=options.image_seconds,
        video_seconds=options.video_seconds,
        name="studio",
        say=lambda line: console.print(line, style="dim", markup=False),
    )
    samples = write_samples(stack.project_root / "build" / "studio")

    def tell() -> None:
        for line in welcome(stack.urls, samples):
            console.print(line, markup=False)

    return run_until_ctrl_c(stack, console, tell)


def welcome(urls: Endpoints, samples: Mapping[str, Path]) -> list[str]:
    """What somebody who opens the page for the first time needs to know."""
    lines = [
        "",
        f"Open {urls.studio_url}",
        "",
        "Any e-mail address and any password of six characters make a user; all is forgotten when this ends.",
        f"Files to upload: {samples['product']} and {samples['music']}",
    ]
    if urls.replicate_url:
        lines.append("A scene goes wrong where its text holds one of these words:")
        lines += [f"  {marker:<22} {what}" for marker, what in MARKERS.items()]
    keys = {"REPLICATE_API_TOKEN": urls.replicate_url, "OPENAI_API_KEY": urls.openai_url}
    real = " and ".join(key for key, stub in keys.items() if not stub)
    lines += [
        f"This costs money: {real} of your environment is used." if real else "Nothing here costs money.",
        "`npm run dev --prefix web`, beside this, shows each change of the page at once.",
        "Ctrl-C ends everything.",
    ]
    return lines


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m localdev.studio", description=__doc__)
    parser.add_argument("--web", type=Path, default=PROJECT_ROOT / "web", help="the folder with the page's sources")
    parser.add_argument("--image-seconds", type=float, default=2.0, help="how long the stub's images take")
    parser.add_argument("--video-seconds", type=float, default=5.0, help="how long the stub's clips take")
    return parser


if __name__ == "__main__":
    sys.exit(main())
