"""The commands of those who run a deployment. They work on the real things, by the settings of the functions.

    which one         deployment (ALIAS=dev, staging, prod, or local: a running `make up`), environment (settings out of
                      dotenv files), buckets (where its files lie)
    before a deploy   preflight (what would make it fail)
    after it          staging (make seed, make smoke), frontend (a user's rights, through the rules)
    watching          monitoring (metrics, alerts, dashboard: files that gcloud applies), timeline (of one job)
    data              orphans (files that no document names), user_data (of one user: exported, deleted), stored_files
                      (what kind of file a key is, and whose), storage_lifecycle (rules for buckets, applied once)
    with care         rate_limits (how much may happen a second), waiting (tries again, and stops when asked to),
                      auth_failures (what Firebase Auth says when it refuses)

What runs the pipeline on this machine is in `localdev`; what brings in old metadata, in `migration`.
"""
