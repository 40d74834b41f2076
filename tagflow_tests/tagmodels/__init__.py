"""Tests of the tag models."""
