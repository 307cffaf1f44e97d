"""The job state machine and the spend-once protocol under thousands of schedules, on a virtual clock.

The real handlers and repositories run; only what lies outside of them is simulated:

    run_job, turns, predictions, repositories        the code under test
    ──────────────────────────────────────────
    memory_firestore   the server behind the real google.cloud.firestore client
    virtual_replicate  predictions that take time, fail, are lost and charged
    virtual_platform   created events, task queue, sweeper, storage, downloads
    schedule           who goes next, who is stopped, who freezes; the clock

Beside it, `burst`: ten thousand jobs in a minute on the same handlers, where places, tasks and creates are scarce.

One seed is one schedule. `replay(seed)` in `runner`, or `python -m tests.simulation --seed 7 --trace`, shows it again.
"""
