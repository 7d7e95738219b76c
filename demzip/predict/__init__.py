"""Templates, weights and the sums of the linear predictors."""
