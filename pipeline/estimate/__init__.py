"""What a run costs at any size, on paper: from what benchmarks measured to hours and bytes."""
