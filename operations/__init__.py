"""The commands of those who run a deployment. They work on the real things, by the settings of the functions.

    deployment        which deployment is meant: ALIAS=dev, staging, prod, or local (a running `make up`)
    environment       settings out of dotenv files

What runs the pipeline on this machine is in `localdev`; what brings in old metadata, in `migration`.
"""
