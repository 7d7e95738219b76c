"""Rasterio in and out: whole files, open datasets, tables of predictors."""
