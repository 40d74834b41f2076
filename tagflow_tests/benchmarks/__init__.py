"""Measurements beside peers, run by hand: python -m tagflow_tests.benchmarks.NAME."""
