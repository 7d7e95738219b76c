"""Contexts of a sample."""
