"""Tests of tagflow.evaluation."""
