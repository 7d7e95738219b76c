"""One residual as a sequence of decisions."""
