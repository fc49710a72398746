"""Keeping a store sound: check and repair it, renew fingerprints of earlier versions."""
