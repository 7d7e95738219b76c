"""Fuzzers: files that were damaged or forged, and what may come of them."""
