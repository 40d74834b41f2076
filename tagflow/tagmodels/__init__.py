"""The brains behind the tag model's seam; one brain a file."""
