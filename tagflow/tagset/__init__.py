"""The tag set: proposed, normalised, cut and fused (TagGPT §2.1.2-2.1.3). Pure."""
