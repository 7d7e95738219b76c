"""One float to bits and back."""
