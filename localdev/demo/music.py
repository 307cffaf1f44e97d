"""A quiet chord progression, so that the demonstration has music without shipping any."""

import subprocess
from pathlib import Path

import imageio_ffmpeg

CHORDS = ((220.00, 261.63, 329.63), (174.61, 220.00, 261.63), (196.00, 246.94, 293.66), (164.81, 207.65, 246.94))
CHORD_SECONDS = 2.5


def write_music(target: Path) -> Path:
    """Write ten seconds of music as AAC in an .m4a file."""
    inputs: list[str] = []
    for chord in CHORDS:
        voices = "+".join(f"{0.16 / (n + 1)}*sin(2*PI*{hz * (n + 1)}*t)" for hz in chord for n in range(3))
        envelope = f"(1-exp(-6*t))*exp(-0.35*t)*min(1,({CHORD_SECONDS}-t)*8)"
        inputs += ["-f", "lavfi", "-t", f"{CHORD_SECONDS}", "-i", f"aevalsrc='{envelope}*({voices})':s=48000"]
    joined = "".join(f"[{n}:a]" for n in range(len(CHORDS)))
    graph = f"{joined}concat=n={len(CHORDS)}:v=0:a=1,aecho=0.8:0.7:90|180:0.3|0.2,pan=stereo|c0=c0|c1=c0[a]"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-y", *inputs, "-filter_complex", graph, "-map", "[a]",
         "-c:a", "aac", "-b:a", "160k", str(target)],
        check=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    return target
