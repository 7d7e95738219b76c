"""Kernels of masks, tile by tile."""
