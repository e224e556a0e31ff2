"""User vectors in vector stores: exports, and users who are to be forgotten."""
