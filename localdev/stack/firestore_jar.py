"""Where the Firestore emulator's jar comes from.

firebase-tools downloads its own and keeps it. Where there is no network, the Google Cloud CLI's component
`cloud-firestore-emulator` has the same emulator; its jar names no Main-Class, and firebase-tools runs
`java -jar $FIRESTORE_EMULATOR_BINARY_PATH`, so a launcher jar that holds nothing but a manifest points at it.
"""

import shutil
import subprocess
import zipfile
from collections.abc import Mapping
from pathlib import Path

from localdev.stack.errors import StackError

BINARY_PATH = "FIRESTORE_EMULATOR_BINARY_PATH"
_MAIN_CLASS = "com.google.cloud.datastore.emulator.firestore.CloudFirestore"
_MANIFEST_LINE_BYTES = 72
HOW_TO_GET_ONE = (
    "Give firebase-tools a network once so that it downloads the emulator, or install the Google Cloud CLI's "
    "component (`gcloud components install cloud-firestore-emulator`, or the Debian package "
    f"google-cloud-cli-firestore-emulator), or set {BINARY_PATH} to a jar."
)


def find_firestore_jar(environ: Mapping[str, str], launcher: Path) -> Path | None:
    """The jar to give firebase-tools in FIRESTORE_EMULATOR_BINARY_PATH; None where it should use or fetch its own.

    In this order: the one that the environment names, firebase-tools' cache, the Google Cloud CLI's (through
    `launcher`, which is written), firebase-tools' download.
    """
    if named := environ.get(BINARY_PATH):
        if not Path(named).is_file():
            raise StackError(f"{BINARY_PATH} names {named}, which does not exist.")
        return Path(named)
    if cached_jars(environ):
        return None
    if (emulator := gcloud_jar()) is None:
        return None
    write_launcher_jar(emulator, launcher)
    return launcher


def cached_jars(environ: Mapping[str, str]) -> list[Path]:
    """What firebase-tools downloaded earlier."""
    cache = environ.get("FIREBASE_EMULATORS_PATH") or str(Path.home() / ".cache" / "firebase" / "emulators")
    return sorted(Path(cache).glob("cloud-firestore-emulator-v*.jar"))


def gcloud_jar() -> Path | None:
    """The jar of the Google Cloud CLI on PATH, if it has one.

    The root is the directory above the bin/ that holds the real `gcloud`; the command itself is asked only where
    that finds nothing, because it takes a second to answer.
    """
    gcloud = shutil.which("gcloud")
    if gcloud is None:
        return None
    beside = _jar_under(Path(gcloud).resolve().parent.parent)
    if beside.is_file():
        return beside
    answer = subprocess.run(
        [gcloud, "info", "--format=value(installation.sdk_root)"], capture_output=True, text=True, check=False
    )
    told = _jar_under(Path(answer.stdout.strip() or "."))
    return told if told.is_file() else None


def write_launcher_jar(emulator: Path, launcher: Path) -> None:
    """Make `java -jar launcher` run the emulator in `emulator`."""
    manifest = "".join(
        manifest_line(line)
        for line in ("Manifest-Version: 1.0", f"Main-Class: {_MAIN_CLASS}", f"Class-Path: {emulator.as_uri()}", "")
    )
    launcher.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(launcher, "w") as jar:
        jar.writestr("META-INF/MANIFEST.MF", manifest)


def manifest_line(line: str) -> str:
    """One line of a jar's manifest: at most 72 bytes, continued on lines that begin with a space."""
    first, rest = line[:_MANIFEST_LINE_BYTES], line[_MANIFEST_LINE_BYTES:]
    width = _MANIFEST_LINE_BYTES - 1
    rows = [first, *(f" {rest[start : start + width]}" for start in range(0, len(rest), width))]
    return "\r\n".join(rows) + "\r\n"


def _jar_under(root: Path) -> Path:
    return root / "platform" / "cloud-firestore-emulator" / "cloud-firestore-emulator.jar"
