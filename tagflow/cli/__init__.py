"""The command line: thin verbs over the same assets."""
