"""Rules that are exact on resampled ground."""
