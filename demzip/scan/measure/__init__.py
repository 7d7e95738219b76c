"""The predicting loops of the encoder."""
