"""The page that Kubeflow Pipelines shows of an evaluation: one HTML file, no script, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from jinja2 import Environment

from kubeflow.evaluation_results import TaskResults

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Evaluation</title>
<style>
:root { color-scheme: light dark; font-family: sans-serif; line-height: 1.4 }
body { margin: 1rem auto; max-width: 50rem; padding: 0 1rem }
table { border-collapse: collapse; margin: 0 0 1.5rem }
th, td { border: 1px solid; padding: 0.3rem 0.6rem; text-align: right }
th:first-child { text-align: left }
</style>
</head>
<body>
<h1>{{ "Blessed" if blessed else "Not blessed" }}</h1>
{% if reasons %}
<ul>
{% for reason in reasons %}
<li>{{ reason }}</li>
{% endfor %}
</ul>
{% endif %}
<h2>Metrics of all users of the evaluation</h2>
<table>
<tr><th scope="col">task</th>{% for name in names %}<th scope="col">{{ name }}</th>{% endfor %}</tr>
{% for task, found in results.items() %}
<tr><th scope="row">{{ task }}</th>
{% for name in names %}
<td>{% if name in found.metrics %}{{ "%.4g" | format(found.metrics[name]) }}{% endif %}</td>
{% endfor %}
</tr>
{% endfor %}
</table>
{% for task, found in results.items() %}
<h2>{{ task }}</h2>
<table>
<caption>Users by class and predicted class</caption>
<tr><th scope="col">class</th>
{% for name in found.classes %}<th scope="col">{{ name }} predicted</th>{% endfor %}</tr>
{% for name in found.classes %}
<tr><th scope="row">{{ name }}</th>
{% for users in found.confusion[loop.index0] %}<td>{{ users }}</td>{% endfor %}</tr>
{% endfor %}
</table>
{% endfor %}
</body>
</html>
"""


def result_page(blessed: bool, reasons: Sequence[str], results: Mapping[str, TaskResults]) -> str:
    """Renders the page.

    Args:
        blessed: The Evaluator's verdict.
        reasons: Why the model was not blessed, a line each.
        results: Task -> what was found.

    Returns:
        HTML.
    """
    names = sorted({name for found in results.values() for name in found.metrics})
    template = Environment(autoescape=True, trim_blocks=True).from_string(_PAGE)
    return template.render(blessed=blessed, reasons=reasons, results=results, names=names)
