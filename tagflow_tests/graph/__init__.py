"""Tests of tagflow.graph."""
