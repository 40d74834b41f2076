"""Tests of tagflow, in the folders of the modules they test."""
