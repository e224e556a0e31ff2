"""The conditions that a task's trigger policy has, in the part of CEL that compilers write."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Mapping
from typing import Any

from ..errors import UsageError

_COMPARE = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS = {"int": int, "double": float, "string": str}
_CONSTANTS = {"true": True, "false": False}
_TOKENS = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|(&&)|(\|\|)|(!(?!=))""")


def holds(condition: str, inputs: Mapping[str, Any]) -> bool:
    """Whether a task is to run.

    Args:
      condition: such as `inputs.parameter_values['x'] == 'a' && !(1.0 > 2.0)`.
      inputs: `artifacts` and `parameter_values` of the task's executor input.

    Returns:
      The condition's value.

    Raises:
      UsageError: if it has what this evaluator does not know.
    """

    def to_python(match: re.Match) -> str:
        text, both, either, _ = match.groups()
        return text or (" and " if both else " or " if either else " not ")

    try:
        tree = ast.parse(_TOKENS.sub(to_python, condition).strip(), mode="eval")
        return bool(_value(tree.body, {"inputs": inputs}))
    except (SyntaxError, LookupError, TypeError, ValueError) as error:
        raise UsageError(f"The condition {condition!r} cannot be evaluated: {error}") from error


def _value(node: ast.expr, names: Mapping[str, Any]) -> Any:
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return _CONSTANTS[node.id] if node.id in _CONSTANTS else names[node.id]
    if isinstance(node, ast.Attribute):
        return _value(node.value, names)[node.attr]
    if isinstance(node, ast.Subscript):
        return _value(node.value, names)[_value(node.slice, names)]
    if isinstance(node, ast.Compare) and len(node.ops) == 1:
        compare = _COMPARE[type(node.ops[0])]
        return compare(_value(node.left, names), _value(node.comparators[0], names))
    if isinstance(node, ast.BoolOp):
        values = (_value(value, names) for value in node.values)
        return all(values) if isinstance(node.op, ast.And) else any(values)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub):
        value = _value(node.operand, names)
        return not value if isinstance(node.op, ast.Not) else -value
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return _value(node.left, names) + _value(node.right, names)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return _FUNCTIONS[node.func.id](_value(node.args[0], names))
    raise ValueError(f"{ast.unparse(node)} is not supported")
