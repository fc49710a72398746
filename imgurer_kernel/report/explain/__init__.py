"""Explain why two pictures are, or are not, the same: an overlay and a sentence.

Two pictures and the evidence about them come in, arrays, words and one figure go out. Deciding
whether they are the same belongs in `imgurer_kernel.matching`.
"""
