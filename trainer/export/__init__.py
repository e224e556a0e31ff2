"""What the trainers export: a model with the contract's signatures, and its warm-up requests."""
