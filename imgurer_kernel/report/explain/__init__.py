"""Explain why two pictures are, or are not, the same: an overlay and a sentence.

Input is two pictures and the evidence about them; output is arrays, text and a figure. Deciding
whether they are the same belongs in `imgurer_kernel.matching`.
"""
