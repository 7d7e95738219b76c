"""Adaptive binary coding."""
