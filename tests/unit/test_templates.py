"""A template reads what it is given and nothing else, and it ends."""

import time
from typing import Any

import pytest

from core.kernel.errors import Invalid
from runners.templates import render

VALUES: dict[str, Any] = {
    "name": "Anna",
    "n": 3,
    "mails": [{"subject": "Hi", "size": 3, "items": ["a"]}, {"subject": "Ho", "size": 5, "items": []}],
    "who": {"first name": "Sam", "items": "kept", "keys": 1},
    "big": "x" * 500_000,
    "text": "a" * 2_000,
    "long": list(range(3_000)),
}


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("Hello {{ name }}!\n", "Hello Anna!\n"),
        ("{% for m in mails %}{{ loop.index }}. {{ m.subject }}{% if not loop.last %}, {% endif %}{% endfor %}", "1. Hi, 2. Ho"),
        ("{{ mails | map(attribute='subject') | join(' and ') }}", "Hi and Ho"),
        ("{{ mails | sum(attribute='size') }} {{ (n * 2 + 1) / 7 }}", "8 1.0"),
        ("{{ mails | selectattr('size', 'gt', 4) | map(attribute='subject') | first }}", "Ho"),
        ("{{ who.items }} {{ who['first name'] }} {{ mails[0]['items'] }}", "kept Sam ['a']"),
        ("{{ who | tojson }}", '{"first name": "Sam", "items": "kept", "keys": 1}'),
        ("{% for k, v in who | dictsort %}{{ k }}={{ v }};{% endfor %}", "first name=Sam;items=kept;keys=1;"),
        ("{{ missing | default('none') }} {{ 'yes' if missing is defined else 'no' }}", "none no"),
        ("{{ name ~ '-' ~ n }} {{ name + '!' }} {{ name | upper }} {{ 'n' in name }}", "Anna-3 Anna! ANNA True"),
        ("{{ 'a&b c' | urlencode }} {{ '<b>' }}", "a%26b%20c <b>"),
        ("{{ 7.456 | round(1) }} {{ mails | length }} {{ mails | tojson | length > 5 }}", "7.5 2 True"),
    ],
)  # fmt: skip
def test_a_gap_is_filled(template: str, text: str) -> None:
    assert render(template, VALUES) == text


@pytest.mark.parametrize("template", ["{{ nobody }}", "{{ who.nothing }}", "{{ nobody.x }}", "{{ mails[7] }}", "{{ nobody + 1 }}", "{% for x in nobody %}{% endfor %}", "{% if nobody %}{% endif %}", "{{ nobody | tojson }}", "{{ nobody == 1 }}", "{{ [nobody] | sum }}"])  # fmt: skip
def test_a_value_that_is_missing_is_named(template: str) -> None:
    with pytest.raises(Invalid) as caught:
        render(template, VALUES)
    assert caught.value.code == "orchestration.template_value_missing"
    assert caught.value.data["name"] in ("nobody", "nothing", "7")


@pytest.mark.parametrize(
    "template",
    [
        "{{ name.__class__.__mro__ }}",
        "{{ name['__class__'] }}",
        "{{ mails | map(attribute='__class__') | list }}",
        "{{ mails | attr('append') }}",
        "{{ name.format() }}",
        "{{ '{0.__class__}'.format(name) }}",
        "{{ '%s' % name }}",
        "{{ '%s' | format(name) }}",
        "{{ self }}",
        "{{ loop.__class__ }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ lipsum }}",
        "{% for x in mails %}{{ loop._iterator }}{% endfor %}",
        "{% for x in mails %}{{ loop.cycle('a') }}{% endfor %}",
        "{% set x = 1 %}",
        "{% macro x() %}{% endmacro %}",
        "{% include 'x' %}",
        "{% import 'x' as y %}",
        "{% extends 'x' %}",
        "{% block x %}{% endblock %}",
        "{% filter upper %}{% endfilter %}",
        "{% for x in mails recursive %}{% endfor %}",
        "{% with x = 1 %}{% endwith %}",
        "{% autoescape true %}{% endautoescape %}",
        "{{ mails | pprint }}",
        "{{ mails | map('pprint') | list }}",
        "{{ 1 is callable }}",
    ],
)
def test_nothing_but_the_values_can_be_reached(template: str) -> None:
    with pytest.raises(Invalid) as caught:
        render(template, VALUES)
    assert caught.value.code in ("orchestration.template_broken", "orchestration.template_value_missing")


@pytest.mark.parametrize(
    "template",
    [
        "{{ 'a' * 10 }}",
        "{{ 9 ** 9 }}",
        "{{ 'a' | center(1000000000) }}",
        "{{ 1 | round(1000000000, 'ceil') }}",
        "{{ mails | tojson(1000000000) }}",
        "{{ range(10) }}",
        "{{ big[:5] }}",
        "{{ 1 / 0 }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ " + "(" * 3000 + "1" + ")" * 3000 + " }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500,
        "{% for x in mails %}" * 30 + "{% endfor %}" * 30,
        "{{ " + "-" * 9000 + "1 }}",
        "{{ " + " ~ ".join(["big"] * 100) + " }}",
        "{{ " + " + ".join(["big"] * 100) + " }}",
        "{{ [" + ", ".join(["big"] * 100) + "] | join }}",
        "{{ text | replace('a', text) }}",
        "{{ text | replace('a', text) | replace('a', text) | length }}",
        "{{ text | list | join(big) }}",
        "{% for x in text | list %}{% for y in text | list %}{% for z in text | list %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for x in long %}{% for y in long %}{% endfor %}{% endfor %}",
        "{% for x in text | list %}{% if big == big ~ '' %}{% endif %}{% endfor %}",
        "{% for x in text | list %}{% if 'y' in big %}{% endif %}{% endfor %}",
        "{% for x in text | list %}{{ big | upper | length }}{% endfor %}",
        "{% for x in text | list %}{{ big }}{% endfor %}",
        "x" * 20_001,
        "{% endfor",
        "{{ 1 | nothing }}",
    ],
)
def test_it_ends_soon_whatever_it_says(template: str) -> None:
    began = time.process_time()
    with pytest.raises(Invalid) as caught:
        render(template, VALUES)
    assert caught.value.code in ("orchestration.template_broken", "orchestration.template_too_large")
    assert time.process_time() - began < 2


def test_what_is_shown_in_a_gap_can_be_marked() -> None:
    assert (
        render("{{ name }} {{ n }} {{ name | upper }}", VALUES, lambda v: f"<{v}>" if isinstance(v, str) else v)
        == "<Anna> 3 <ANNA>"
    )
