"""Perceptual hashes of decoded pictures.

To add one, write a module beside `dhash` with a
`imgurer_kernel.fingerprint.hashes.base.PerceptualHash`, and register it in `base`.
"""
