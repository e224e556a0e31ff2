"""The page of an audit: one HTML file without network and without script."""
