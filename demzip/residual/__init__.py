"""Contexts of residuals."""
