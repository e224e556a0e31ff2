"""The paper's tables and figures, each with its rows, its data set and the paper's values."""
