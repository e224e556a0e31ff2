"""Runs a compiled pipeline on this machine: a step's own command in a process of its own."""
