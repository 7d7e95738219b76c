"""Weights that follow the ground."""
