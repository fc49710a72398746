"""Perceptual hashes of decoded pictures.

A new one is a module beside `dhash` with a `imgurer_kernel.fingerprint.hashes.base.PerceptualHash`,
and a line in `base` that registers it.
"""
