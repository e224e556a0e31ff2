"""Vectors of many users at once: from event logs to Parquet, and nearest users among them."""
