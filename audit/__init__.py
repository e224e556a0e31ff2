"""What an auditor can read of an evaluated model, question and verify: one record, one page."""
