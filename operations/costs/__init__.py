"""What a deployment costs in a month: list prices, what was measured, what is assumed, and the sum.

    prices ────────┐
    measured.json ─┼──> model ──> tables ──> docs/costs.md
    assumptions ───┘

The model is pure. Nothing here asks a price list: prices change, and each can be replaced on the command line.
"""
