"""Several results become a short text: by the model, or out of their own first sentences."""

from core.kernel.errors import Unavailable
from runners.skills.summarise import Input, Output, Summarise
from tests.unit.skills.letters import NOW
from tests.unit.skills.mailbox import context
from tests.unit.skills.models import FakeModel, Told

RESULTS = [
    "The roof leaks. A roofer comes on Tuesday.\nNobody is hurt.",
    None,
    {"title": "Bill of 84 euros.", "due": "It is due on Friday."},
]


def test_offline_takes_the_first_sentences_of_each() -> None:
    output = Summarise().run(context(now=NOW), Input(results=RESULTS, max_sentences=3))
    assert output == Output(result="The roof leaks. A roofer comes on Tuesday.\nBill of 84 euros.", by="offline")


def test_nothing_sums_up_to_nothing() -> None:
    asked = FakeModel(lambda told: {"text": "?"})
    assert Summarise().run(context(now=NOW, model=asked), Input(results=[None, "  "])).result == ""
    assert asked.asked == []


def test_a_model_sums_up_what_stays_data() -> None:
    model = FakeModel(lambda told: {"text": "Roof and bill."})
    told = context(now=NOW, model=model, language="de")
    output = Summarise().run(told, Input(results=RESULTS, instructions="Only dates."))
    assert output == Output(result="Roof and bill.", by="model")
    assert "leaks" in model.asked[0].material and "leaks" not in model.asked[0].instructions
    assert "Only dates." in model.asked[0].instructions and "tag de" in model.asked[0].instructions
    assert len(told.usage) == 1


def test_a_model_that_fails_gives_way_to_rules() -> None:
    def fails(told: Told) -> dict[str, str]:
        raise Unavailable("orchestration.model_failed")

    told = context(now=NOW, model=FakeModel(fails))
    output = Summarise().run(told, Input(results=RESULTS, max_sentences=1))
    assert output == Output(result="The roof leaks.", by="offline_after_model")
    assert len(told.usage) == 1
