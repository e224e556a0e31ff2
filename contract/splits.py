"""Names of the splits of the users."""

TRAIN = "train"
VALIDATION = "validation"
EVAL = "eval"

SPLITS = (TRAIN, VALIDATION, EVAL)
