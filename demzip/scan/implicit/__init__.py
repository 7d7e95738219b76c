"""Planes that are coded as what they depart from a fitted surface (docs/format.md section 12)."""
