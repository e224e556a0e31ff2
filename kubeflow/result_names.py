"""Names of the inputs and outputs of the step that shows the evaluation in KFP's interface."""

EVALUATION, BLESSING, AUDIT, TASKS = "evaluation", "blessing", "audit", "tasks"
METRICS, PAGE = "metrics", "page"

CURVES = "curves_"
"""Before a task's name: its ROC curve and confusion matrix."""
