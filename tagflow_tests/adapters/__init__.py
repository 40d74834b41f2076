"""Tests of the adapters, on real files."""
