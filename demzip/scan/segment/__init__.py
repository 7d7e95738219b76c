"""What encoder and decoder know of a segment ahead of it."""
