"""The commands of those who run a deployment. They work on the real things, by the settings of the functions.

    deployment        which deployment is meant: ALIAS=dev, staging, prod, or local (a running `make up`)
    environment       settings out of dotenv files
    orphans           files that no document names: found, and deleted
    user_data         all that one user has: exported, deleted
    buckets           where the files of a deployment lie
    stored_files      what kind of file a key is, and whose
    waiting           tries again what may pass, and stops when asked to
    rate_limits       how much may happen a second
    storage_lifecycle rules for buckets, to be applied once (docs/data.md)
