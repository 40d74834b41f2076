"""Tests of the prompts and of the reading of answers."""
