"""The distribution that the network gives."""
