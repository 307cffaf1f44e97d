"""`make replay JOB=file.json`: run a job again that `make timeline` exported, on this machine.

On the stack that `make up` runs, or on one of its own. With --inline the turns run in this very process: put a
breakpoint() into functions/pipeline, or start this under an IDE's debugger.

Exit status: 0 the job came to an end, whichever; 1 it did not, or nothing could be started; 2 wrong arguments, or a
file that holds no job; 130 stopped.
"""

import argparse
import json
import os
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console

from localdev.replay.places import Place, Say, StackPlace, free_ref, process_environment, publisher
from localdev.replay.plans import plan_replay
from localdev.replay.source_files import SourceFiles
from localdev.stack import DeliveryPolicy, LocalStack, StackError
from localdev.stack.functions_source import read_dotenv
from localdev.stack.ports import is_listening
from localdev.stack.stack import PROJECT_ROOT
from operations.timeline.drawing import show
from operations.timeline.exported_jobs import ExportedJob, read_exported_job
from operations.timeline.job_lookup import read_job
from pipeline.domain.errors import (
    InvalidRequest,
    JobError,
    SourceError,
    SourceTooLarge,
    SourceUnreachable,
    UnsafeUrl,
    UnsupportedMedia,
)
from pipeline.domain.jobs import JobKind

PROVIDER_KEYS = ("REPLICATE_API_TOKEN", "OPENAI_API_KEY")
RUNNING_STACK = PROJECT_ROOT / "build/local/stack.env"
STOPPED = 130
FILE_CODES = {error.code for error in (SourceError, SourceUnreachable, SourceTooLarge, UnsupportedMedia, UnsafeUrl)}


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """Do as the command line says."""
    chosen = _parser().parse_args(arguments)
    console = Console(highlight=False)
    try:
        exported = read_exported_job(chosen.job)
        return _replay(exported, chosen, environ, console)
    except InvalidRequest as error:
        print(error, file=sys.stderr)
        return 2
    except (StackError, JobError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return STOPPED


def _replay(exported: ExportedJob, chosen: argparse.Namespace, environ: Mapping[str, str], console: Console) -> int:
    if chosen.faults and exported.ref.kind is JobKind.COMPOSITION:
        raise InvalidRequest("A composition asks no model: there is no fault to order.")

    def say(line: str) -> None:
        console.print(f"{datetime.now(UTC):%H:%M:%S}  {line}", markup=False, soft_wrap=True)

    with ExitStack() as opened:
        place = opened.enter_context(_place(chosen, environ, say))
        ref = free_ref(place.client, exported.ref)
        files = SourceFiles(
            publish=publisher(place.environment),
            folder=PROJECT_ROOT / "build/replay",  # samples are made once
            allowed_http_hosts=frozenset(place.environment["ALLOWED_HTTP_HOSTS"].split(",")),
            keep_urls=chosen.keep_urls,
        )
        plan = plan_replay(
            exported, ref, place.user_id, files, datetime.now(UTC), keep_steps=chosen.keep_steps, marker=chosen.faults
        )
        place.create(plan)
        for note in plan.notes:
            console.print(f"  {note}", markup=False, soft_wrap=True)
        say(f"{ref.path} of user {place.user_id}")
        try:
            place.run(ref, say, chosen.seconds)
        finally:
            found = read_job(place.client, ref)
            console.print()
            show(console, found)
        for line in [*compared(exported, found), *_about_files(exported, files.replaced)]:
            console.print(f"\n{line}", markup=False, soft_wrap=True)
    return 0


def compared(there: ExportedJob, here: ExportedJob) -> Iterator[str]:
    """Whether it came to the same end as in the export."""
    if not there.job.status.is_terminal:
        yield f"There it was {there.job.status}; here it ended: {_end(here)}."
    elif _end(there) == _end(here):
        yield f"It ended as it did there: {_end(here)}."
    else:
        yield f"It ended otherwise than there: {_end(here)} here, {_end(there)} there."


def _about_files(there: ExportedJob, replaced: int) -> Iterator[str]:
    error = there.fields.get("error")
    if replaced and isinstance(error, dict) and error.get("code") in FILE_CODES:
        yield "There a file was the reason, for which a sample stands here: --keep-urls leaves the URLs as they are."


def _end(job: ExportedJob) -> str:
    error = job.fields.get("error")
    return f"{job.job.status} {error.get('code')}" if isinstance(error, dict) else f"{job.job.status}"


@contextmanager
def _place(chosen: argparse.Namespace, environ: Mapping[str, str], say: Say) -> Iterator[Place]:
    """Where it runs, started if it does not."""
    own = {name: value for name, value in environ.items() if chosen.real or name not in PROVIDER_KEYS}
    with ExitStack() as opened:
        if chosen.inline:
            from localdev.replay.inline import InlinePlace, inline_services

            say("starting Firestore and stand-ins; the turns run in this process")
            settings = opened.enter_context(inline_services(own))
            opened.enter_context(process_environment(settings))
            inline = InlinePlace(settings, twice=chosen.twice)
            opened.callback(inline.close)
            yield inline
            return
        settings = _running(chosen.stack) or _started(own, opened, say)
        if not chosen.real and not settings.get("REPLICATE_BASE_URL"):
            raise InvalidRequest(
                "The running stack uses the real Replicate, which costs money: say --real if you mean it."
            )
        if chosen.twice:
            _deliver_twice(settings["RELAY_URL"], opened)
        opened.enter_context(process_environment(settings))
        stack = StackPlace(settings)
        opened.callback(stack.close)
        yield stack


def _running(path: Path) -> dict[str, str]:
    """The settings of the stack that runs; {} where none does."""
    settings = read_dotenv(path)
    port = settings.get("FIRESTORE_EMULATOR_HOST", "").rpartition(":")[2]
    return settings if port and is_listening(int(port)) else {}


def _started(environ: Mapping[str, str], opened: ExitStack, say: Say) -> dict[str, str]:
    say("starting a local stack; `make up` in another terminal would spare that")
    stack = opened.enter_context(LocalStack(environ=environ, name="replay", say=lambda _: None))
    return {**stack.functions_settings(), "RELAY_URL": stack.urls.relay_url}


def _deliver_twice(relay_url: str, opened: ExitStack) -> None:
    """Every event that comes from now on; as before when this ends."""
    _put_policy(relay_url, 1.0)
    opened.callback(_put_policy, relay_url, DeliveryPolicy.duplicate_rate)


def _put_policy(relay_url: str, rate: float) -> None:
    body = json.dumps({"duplicate_rate": rate}).encode()
    request = urllib.request.Request(f"{relay_url}/_relay/policy", body, method="PUT")
    urllib.request.urlopen(request, timeout=10).close()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make replay", description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("job", type=Path, help="a file that `make timeline ... --export` wrote")
    parser.add_argument("--keep-steps", action="store_true", help="go on from where it stood: finished steps stay so")
    parser.add_argument("--inline", action="store_true", help="run the turns in this process, for a debugger")
    parser.add_argument("--twice", action="store_true", help="deliver each event (inline: each wake-up) twice")
    parser.add_argument(
        "--faults", default="", metavar="MARKER", help="of the stub's models: nsfw, fail, interrupt-once"
    )
    parser.add_argument("--keep-urls", action="store_true", help="no samples for files that cannot be reached")
    parser.add_argument("--real", action="store_true", help="use REPLICATE_API_TOKEN and OPENAI_API_KEY: costs money")
    parser.add_argument("--seconds", type=float, default=600.0, help="give up after so long (600)")
    parser.add_argument("--stack", type=Path, default=RUNNING_STACK, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
