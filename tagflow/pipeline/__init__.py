"""Dagster on top: the assets on one page, what they need, and when they run. Nothing here computes."""
