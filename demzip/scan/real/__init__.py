"""True floats: prediction in value space, adaptive coding of what is left."""
