"""Measures the project's targets as ratios: what is compared runs in turns, on the same machine, in one run."""
