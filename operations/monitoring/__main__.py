"""`make monitoring ALIAS=staging`: log-based metrics, alerts and the dashboard of a deployment, made by gcloud.

Without --apply it changes nothing: it compares, writes the files that gcloud would read, and prints the commands.

Exit status: 0 all is as the files say, or would be; 1 something failed, or gcloud could not be asked; 2 wrong
arguments or settings; 130 stopped.
"""

import argparse
import os
import re
import shlex
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.deployment import LOCAL, ROOT, add_alias, open_deployment
from operations.monitoring.definitions import Parameters, read_definitions
from operations.monitoring.gcloud import Gcloud, GcloudError, GcloudUnusable
from operations.monitoring.plan import Action, Existing, Plan, Step, look, make_plan, write_files
from pipeline.config import read_settings
from pipeline.domain.errors import ConfigurationError

SHARE_OF_A_DAY = 0.2
"""So much of MAX_USD_PER_DAY in one hour is more than usual."""

STOPPED = 130

CHANNEL = re.compile(r"projects/[^/]+/notificationChannels/[^/]+")


def main(arguments: Sequence[str], environment: Mapping[str, str], root: Path = ROOT) -> int:
    """Do as the command line says."""
    chosen = _parser().parse_args(arguments)
    try:
        return _main(chosen, environment, root)
    except OSError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What is done is not done twice: the same command goes on.", file=sys.stderr)
        return STOPPED


def _main(chosen: argparse.Namespace, environment: Mapping[str, str], root: Path) -> int:
    try:
        parameters = _parameters(chosen, environment, root)
    except ConfigurationError as error:
        print(error, file=sys.stderr)
        return 2
    gcloud = Gcloud(parameters.project)
    try:
        existing, is_known = look(gcloud), True
    except GcloudError as error:
        print(_first_sentence(error, gcloud), file=sys.stderr)
        if chosen.apply or not isinstance(error, GcloudUnusable):
            return 1
        print("So nobody knows what is there already. This is what a project without anything would get:\n")
        existing, is_known = Existing(), False
    plan = make_plan(read_definitions(parameters), existing, gcloud, chosen.folder / chosen.alias)
    write_files(plan)
    failed = _apply(plan, gcloud) if chosen.apply else _show(plan)
    _tell_left_over(plan)
    return 0 if is_known and not failed else 1


def _show(plan: Plan) -> int:
    for step in plan.steps:
        if step.action is not Action.NOTHING:
            print(shlex.join(step.command))
    _tell_steps(plan.steps)
    print("\nNothing was changed. With --apply (make: MONITORING_ARGS=--apply) these commands are run.")
    return 0


def _apply(plan: Plan, gcloud: Gcloud) -> int:
    """Runs every command, also when one has failed; how many have."""
    done: list[Step] = []
    failures = 0
    for step in plan.steps:
        if step.action is not Action.NOTHING:
            try:
                gcloud.run(step.command)
            except GcloudError as error:
                print(f"FAILED  {step.kind} {step.name}: {error}", file=sys.stderr)
                failures += 1
                if isinstance(error, GcloudUnusable):
                    break
                continue
            print(f"{step.action}d  {step.kind} {step.name}")
        done.append(step)
    _tell_steps(done)
    if failures:
        print(f"{failures} failed. Run it again when the reason is gone: what is done is not done twice.")
    return failures


def _tell_steps(steps: Sequence[Step]) -> None:
    counts = Counter((step.kind, step.action) for step in steps)
    print()
    for kind in ("metric", "policy", "dashboard"):
        numbers = [f"{action} {counts[kind, action]}" for action in Action if counts[kind, action]]
        print(f"{kind:<10}{', '.join(numbers) or '-'}")
    for step in steps:
        if step.note:
            print(f"{step.kind} {step.name} {step.note}.")


def _tell_left_over(plan: Plan) -> None:
    if plan.left_over:
        print("\nThere, but in no file any more. To delete it:")
        for command in plan.left_over:
            print(shlex.join(command))


def _first_sentence(error: GcloudError, gcloud: Gcloud) -> str:
    return str(error) if isinstance(error, GcloudUnusable) else f"The project {gcloud.project} cannot be read: {error}"


def _parameters(chosen: argparse.Namespace, environment: Mapping[str, str], root: Path) -> Parameters:
    """Raises ConfigurationError."""
    deployment = open_deployment(chosen.alias, environment, chosen.env_file, root)
    if deployment.alias == LOCAL:
        raise ConfigurationError("A local stack is made of emulators, which know no metrics: name a deployment.")
    for channel in chosen.channel:
        if not CHANNEL.fullmatch(channel):
            raise ConfigurationError(
                f"'{channel}' is no channel: they are like projects/P/notificationChannels/123; "
                "`gcloud beta monitoring channels list` has them."
            )
    per_hour = chosen.spend_usd_per_hour
    if per_hour is None:
        per_hour = read_settings(deployment.environment).limits.usd_per_day * SHARE_OF_A_DAY
    if not per_hour > 0:
        raise ConfigurationError("MAX_USD_PER_DAY is 0, no limit: say --spend-usd-per-hour, more than 0.")
    return Parameters(deployment.project, per_hour, chosen.runbooks.rstrip("#"), chosen.channel)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m operations.monitoring",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_alias(parser)
    parser.add_argument("--apply", action="store_true", help="run the commands; without it they are only printed")
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        help="whom alerts tell: projects/P/notificationChannels/N; may be repeated. Without: as before",
    )
    parser.add_argument(
        "--runbooks", default="", metavar="URL", help="where docs/operations.md can be read, for the links of alerts"
    )
    parser.add_argument(
        "--spend-usd-per-hour",
        type=float,
        help=f"the alert on spending; default: {SHARE_OF_A_DAY:.0%} of MAX_USD_PER_DAY".replace("%", "%%"),
    )
    parser.add_argument(
        "--folder", type=Path, default=Path("build/monitoring"), help="where the files for gcloud are written"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
