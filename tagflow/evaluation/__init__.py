"""Evaluation: taggers on held-out contents, recall, calibration and the tag set's quality (TagGPT §3, LLM4Tag §4). Pure."""
