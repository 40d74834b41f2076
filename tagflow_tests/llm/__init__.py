"""A language model's endpoint for tests: what it says, and everything that goes wrong with it."""
