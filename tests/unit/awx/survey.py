"""How AWX takes a survey: what it refuses, as in ``JobTemplateSurveySpec._validate_spec_data`` of awx/api/views/__init__.py, AWX 24.6.1."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Object = dict[str, Any]

_SURVEY = {"name": str, "description": str, "spec": list}
_QUESTION = {"type": str, "question_name": str, "variable": str, "required": bool}
_ANSWER = {
    **dict.fromkeys(("text", "textarea", "password", "multiplechoice", "multiselect"), str),
    "integer": int,
    "float": float,
}
_CHOICES = ("multiplechoice", "multiselect")


class Refused(Exception):
    """The controller refuses the request: status, and what it says."""

    def __init__(self, code: int, body: Object) -> None:
        super().__init__(code, body)
        self.code, self.body = code, body


def checked_survey(survey: Object) -> Object:
    """The survey as AWX keeps it. Raises Refused."""
    _need(survey, _SURVEY)
    if not survey["spec"]:
        raise Refused(400, {"error": "'spec' doesn't contain any items."})
    for question in survey["spec"]:
        _need(question, _QUESTION)
        _check(question)
    variables = [question["variable"] for question in survey["spec"]]
    if len(set(variables)) < len(variables):
        raise Refused(400, {"error": f"A 'variable' is duplicated: {variables}."})
    return survey


def _need(given: Object, fields: Mapping[str, type]) -> None:
    wrong = [field for field, kind in fields.items() if not isinstance(given.get(field), kind)]
    if wrong:
        raise Refused(400, {"error": f"Missing, or of another type, in {given}: {', '.join(wrong)}."})


def _check(question: Object) -> None:
    """The rules for a question that depend on its type."""
    kind, default = question["type"], question.get("default", "")
    if kind not in _ANSWER or not (default == "" or isinstance(default, _ANSWER[kind])):
        raise Refused(400, {"error": f"The type or the default of a question is wrong: {question}."})
    if not all(isinstance(question.get(limit, 0), int) for limit in ("min", "max")):
        raise Refused(400, {"error": f"The limits of a question are no integers: {question}."})
    if kind in _CHOICES and default not in ("", *question.get("choices", [])):
        raise Refused(400, {"error": f"The default of a question is none of its choices: {question}."})
