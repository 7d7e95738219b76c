"""The surface between samples: interpolation, sight lines, viewsheds, shading; plain arrays."""
