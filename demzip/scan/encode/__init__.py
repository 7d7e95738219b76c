"""The encoding loops."""
