"""Sight: what hides what. Lines of sight over a profile, viewsheds over a grid."""
