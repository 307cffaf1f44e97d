"""Python imports this by itself in every process that has its folder on PYTHONPATH: here, the function processes.

What is deployed knows nothing of it. It does nothing but in a function process of a chaos run.
"""

import os

if os.environ.get("CHAOS_FOLDER") and os.environ.get("FUNCTION_TARGET"):
    import boundary_kills

    boundary_kills.watch_for("pipeline.wiring")
