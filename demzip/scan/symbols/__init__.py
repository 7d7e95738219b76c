"""The loops over the parts of one residual."""
