"""Tests of the BehaviorExampleGen."""
