"""Moves the metadata of clips from the files in storage to Firestore, while the functions go on working.

    python -m migration run | verify | switch | status          docs/migration.md

    discovery ──> video ──> catalogue (what its files say) ──> import ──> state file ──> report
                                  │                                                        ▲
                                  └──────> differences <── documents    (verify, switch) ──┘

It may use everything of `pipeline`, which knows nothing of it.
"""
