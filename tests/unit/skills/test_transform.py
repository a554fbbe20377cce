"""A value is made of another, by three engines, none of which goes on for long."""

import time
from typing import Any

import pytest

from core.kernel.errors import Invalid
from runners.skills.transform import Input, Transform
from tests.unit.skills.letters import NOW
from tests.unit.skills.mailbox import context

DATA = {"mails": [{"from": "a@x.example", "size": 3}, {"from": "b@x.example", "size": 9}], "name": "Anna"}


def _run(engine: Any, expression: str, data: Any = DATA) -> Any:
    return Transform().run(context(now=NOW), Input(engine=engine, expression=expression, data=data)).result


@pytest.mark.parametrize(
    ("engine", "expression", "result"),
    [
        ("jmespath", "mails[?size > `4`].from | [0]", "b@x.example"),
        ("jmespath", "nothing.there", None),
        ("cel", "mails.filter(m, m.size > 4).map(m, m.from)", ["b@x.example"]),
        ("cel", "size(data.mails) * 2", 4),
        ("jinja", "{{ name }}: {{ mails | length }} of {{ data.mails | sum(attribute='size') }}", "Anna: 2 of 12"),
    ],
)
def test_each_engine_makes_its_value(engine: str, expression: str, result: Any) -> None:
    assert _run(engine, expression) == result


def test_a_list_is_known_as_data() -> None:
    assert _run("jmespath", "[1]", [1, 2]) == 2
    assert _run("cel", "data[1]", [1, 2]) == 2
    assert _run("jinja", "{{ data[1] }}", [1, 2]) == "2"


@pytest.mark.parametrize(
    ("engine", "expression"),
    [("jmespath", "a["), ("cel", "a +"), ("cel", "nothing"), ("jinja", "{{ nothing }}"), ("jinja", "{{"), ("jmespath", "a." * 2000 + "a")],
)  # fmt: skip
def test_what_is_wrong_is_said(engine: str, expression: str) -> None:
    with pytest.raises(Invalid):
        _run(engine, expression)


@pytest.mark.parametrize(
    ("engine", "expression"),
    [
        ("jmespath", "[" + ", ".join(["@"] * 400) + "]"),
        ("cel", "data.map(a, data.map(b, data.map(c, data)))"),
        ("jinja", "{% for a in data %}{% for b in data %}{% for c in data %}{{ a }}{% endfor %}{% endfor %}{% endfor %}"),
    ],
)  # fmt: skip
def test_what_would_grow_without_bounds_is_refused_soon(engine: str, expression: str) -> None:
    began = time.process_time()
    with pytest.raises(Invalid):
        _run(engine, expression, ["x" * 100] * 1000)
    assert time.process_time() - began < 2


def test_a_result_that_is_too_large_is_refused() -> None:
    with pytest.raises(Invalid, match="result_too_large"):
        _run("jmespath", "[@, @, @]", "x" * 400_000)
