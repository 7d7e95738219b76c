"""Pictures of rasters, residuals and profiles, with Matplotlib."""
