"""Floats as ordered integers."""
