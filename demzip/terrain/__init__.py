"""Questions to a georeferenced surface: heights, profiles, sight lines."""
