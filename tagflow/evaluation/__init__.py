"""Evaluation: taggers, recall, calibration and the quality of the tag set (TagGPT §3, LLM4Tag §4). Pure."""
