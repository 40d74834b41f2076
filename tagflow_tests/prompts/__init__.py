"""Tests of what is put into words for a language model."""
