"""Test rasters of our own, and the means to make them and to fetch public ones."""
