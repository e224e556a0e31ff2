"""Names of the inputs and outputs of the step that shows the evaluation in KFP's interface."""

EVALUATION, BLESSING, TASKS = "evaluation", "blessing", "tasks"
METRICS, PAGE = "metrics", "page"

CURVES = "curves_"
"""Before a task's name: its ROC curve and confusion matrix."""
