"""Confidence: recall features, the model that judges them, bands and reliability (LLM4Tag §3.4). Pure."""
