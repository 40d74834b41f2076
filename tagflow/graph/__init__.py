"""The content-tag graph and recall on it (LLM4Tag §3.2). Pure."""
