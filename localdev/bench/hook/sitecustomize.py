"""Python imports this by itself in every process that has its folder on PYTHONPATH: here, the function processes.

Their calls to Firestore and Cloud Tasks go through the fronts that count (`localdev.bench.counted_stack`):
firebase-tools itself would name the emulators. What is deployed knows nothing of it.
"""

import os

if os.environ.get("COUNTED_FIRESTORE") and os.environ.get("FUNCTION_TARGET"):
    os.environ["FIRESTORE_EMULATOR_HOST"] = os.environ["COUNTED_FIRESTORE"]
    os.environ["CLOUD_TASKS_EMULATOR_HOST"] = os.environ["COUNTED_TASKS"]
