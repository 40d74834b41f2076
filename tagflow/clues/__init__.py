"""Clues: what a content says, as text (TagGPT §2.1.1). Pure; reading files stands in ``adapters``."""
