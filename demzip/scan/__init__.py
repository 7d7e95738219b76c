"""The raster loops, where prediction, context and entropy coding meet sample by sample."""
