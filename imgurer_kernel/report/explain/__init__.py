"""Why two pictures are, or are not, the same: one picture laid on the other, and a sentence."""
