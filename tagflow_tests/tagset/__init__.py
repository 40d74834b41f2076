"""Tests of the tag set."""
