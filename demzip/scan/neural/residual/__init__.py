"""One sample as a sequence of decisions."""
