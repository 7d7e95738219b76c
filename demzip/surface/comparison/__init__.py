"""Table 1 of Kidner, Dorey & Smith (1999): how far each method is from heights that are known."""
