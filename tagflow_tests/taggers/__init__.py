"""Tests of tagflow.taggers."""
