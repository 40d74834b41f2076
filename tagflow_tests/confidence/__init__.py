"""Tests of confidence."""
