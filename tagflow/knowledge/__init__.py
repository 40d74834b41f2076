"""The knowledge base: annotated samples with right and wrong tags (LLM4Tag §3.3.2). Pure."""
