"""Models that learn a task from its labels alone: what a universal vector is measured against."""
