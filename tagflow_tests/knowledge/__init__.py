"""Tests of tagflow.knowledge."""
