"""What is put to a language model in words, and how its answers are read (TagGPT appendix, LLM4Tag figures 3-5)."""
