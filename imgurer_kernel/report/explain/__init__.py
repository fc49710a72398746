"""Explain why two pictures are, or are not, the same: an overlay and a sentence."""
