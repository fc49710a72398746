"""Perceptual hashes of decoded pictures. A new one is a module beside `dhash`."""
