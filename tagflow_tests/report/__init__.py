"""Tests of tagflow.report."""
