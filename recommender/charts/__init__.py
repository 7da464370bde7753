"""Charts of recommendations, drawn by `precision.charts`."""
