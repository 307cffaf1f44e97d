"""A deployment before users see it: something to look at, and a test that it works. docs/staging.md tells how.

smoke_test        python -m operations.staging.smoke_test: one tiny job of each kind, as a user
  smoke_target    which deployment, and as whom
  smoke_orders    the tiny jobs
  smoke_run       writes them, waits, cleans up
  smoke_checks    what must be there then, and what must be refused
  findings        what was found, as a table and as JSON
"""
