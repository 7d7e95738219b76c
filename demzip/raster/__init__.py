"""The raster in memory: values, samples, georeference."""
