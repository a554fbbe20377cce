"""Models are asked in a chain, with limits on what comes back, how long it takes and what it costs: against real servers over HTTP."""

import gzip
import json
import time
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from core.billing.models import Budget, Ceiling
from core.kernel.errors import Invalid, LimitReached, Unavailable
from core.kernel.settings import Settings
from core.orchestration.ports import Usage
from runners.models import language_model
from runners.models.asking import AskedModels
from tests.emulators.anthropic import AnthropicEmulator, uses_tool
from tests.emulators.openai import Emulator, emulated, fails, in_turn, says, writes

SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["body"],
    "properties": {"body": {"type": "string", "minLength": 5}},
}
GOOD = {"body": "Dear Anna, yes."}


@pytest.fixture
def openai() -> Iterator[Emulator]:
    with emulated() as emulator:
        yield emulator


@pytest.fixture
def anthropic() -> Iterator[Emulator]:
    with emulated(AnthropicEmulator) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "canary-openai")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "canary-anthropic")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def _ask(models: AskedModels, used: list[Usage] | None = None, **more: Any) -> dict[str, Any]:
    return models.ask("Write a letter.", "Are you coming?", SCHEMA, [] if used is None else used, **more)


def _one(server: Emulator, name: str = "openai:gpt-4o-mini", seconds: float = 20) -> AskedModels:
    return AskedModels(name, server.url, seconds=seconds)


def test_anthropic_answers_through_its_own_api(anthropic: Emulator):
    anthropic.behave = uses_tool(GOOD, prompt=1000, completion=100)
    used: list[Usage] = []
    assert _ask(_one(anthropic, "anthropic:claude-haiku-4-5"), used, temperature=0.2, max_output_tokens=321) == GOOD
    asked, headers = anthropic.requests[0], anthropic.headers[0]
    assert (asked["max_tokens"], asked["temperature"], asked["model"]) == (321, 0.2, "claude-haiku-4-5")
    assert "canary-anthropic" in (
        headers.get("x-api-key", ""),
        headers.get("authorization", "").removeprefix("Bearer "),
    )
    assert "Write a letter." in json.dumps(asked["system"])
    assert "Are you coming?" in json.dumps(asked["messages"]) and "Are you coming?" not in json.dumps(asked["system"])
    assert [(u.provider, u.model, u.tokens_prompt, u.tokens_completion) for u in used] == [
        ("anthropic", "claude-haiku-4-5", 1000, 100)
    ]
    assert used[0].cost == Decimal("0.0015")


def test_the_price_is_frozen_beside_what_it_was_applied_to(openai: Emulator):
    openai.behave = says(GOOD, prompt=1_000_000, completion=0)
    used: list[Usage] = []
    _ask(_one(openai), used)
    price = used[0].price
    assert price is not None
    assert (price["currency"], price["source"].split()[0]) == ("USD", "genai-prices")
    assert Decimal(price["input_mtok"]) == used[0].cost
    json.dumps(price)


@pytest.mark.parametrize(
    "broken",
    [fails(500), fails(429), fails(401), fails(404), fails(200, b"<html>"), fails(200, b"{}")],
    ids=["500", "429", "401", "404", "html", "no-choices"],
)
def test_the_next_model_is_asked_when_one_does_not_answer(openai: Emulator, anthropic: Emulator, broken: Any):
    openai.behave, anthropic.behave = broken, uses_tool(GOOD)
    used: list[Usage] = []
    assert _ask(_chain(openai, anthropic), used) == GOOD
    assert [u.provider for u in used] == ["openai", "anthropic"]
    assert (used[0].tokens_prompt, used[0].cost) == (0, None)


def test_the_next_model_is_asked_when_one_is_not_there(openai: Emulator, anthropic: Emulator):
    openai.stop()
    anthropic.behave = uses_tool(GOOD)
    assert _ask(_chain(openai, anthropic)) == GOOD


def test_the_next_model_is_not_asked_for_an_answer_that_does_not_fit(openai: Emulator, anthropic: Emulator):
    openai.behave = says({"words": "something else"})
    with pytest.raises(Invalid) as caught:
        _ask(_chain(openai, anthropic))
    assert caught.value.code == "orchestration.model_output_wrong"
    assert (len(openai.requests), len(anthropic.requests)) == (2, 0)


def test_all_models_away_is_a_failure_that_names_the_last_one(openai: Emulator, anthropic: Emulator):
    openai.behave = anthropic.behave = fails(500)
    with pytest.raises(Unavailable) as caught:
        _ask(_chain(openai, anthropic))
    assert caught.value.code == "orchestration.model_failed"
    assert caught.value.data == {"model": "anthropic:claude-haiku-4-5", "why": "status_500"}


def test_the_address_of_ones_own_server_is_for_the_first_provider_only():
    models = AskedModels("openai:llama3, anthropic:claude-haiku-4-5,openai:qwen3", "http://127.0.0.1:1/v1")
    assert models.names == ("openai:llama3", "anthropic:claude-haiku-4-5", "openai:qwen3")
    assert [each.base_url for each in models._named] == ["http://127.0.0.1:1/v1", None, "http://127.0.0.1:1/v1"]


def test_settings_make_a_chain(openai: Emulator):
    models = language_model(Settings(model="openai:a,openai:b", model_base_url=openai.url))
    assert models is not None
    assert models.names == ("openai:a", "openai:b")
    openai.behave = lambda asked: (says(GOOD) if asked["model"] == "b" else fails(500))(asked)
    assert models.ask("Write.", "", SCHEMA, []) == GOOD


def test_a_chosen_model_is_asked_alone(openai: Emulator):
    openai.behave = fails(500)
    models = AskedModels("openai:a,openai:b", openai.url)
    with pytest.raises(Unavailable):
        _ask(models, model="openai:b")
    assert {asked["model"] for asked in openai.requests} == {"b"}
    with pytest.raises(Invalid) as caught:
        _ask(models, model="openai:c")
    assert caught.value.code == "orchestration.model_not_configured"
    assert caught.value.data == {"model": "openai:c", "configured": ["openai:a", "openai:b"]}


def test_a_wrong_answer_is_asked_for_once_more_with_what_was_wrong(openai: Emulator):
    openai.behave = in_turn(says({"body": "x"}), says(GOOD))
    used: list[Usage] = []
    assert _ask(_one(openai), used) == GOOD
    assert len(used) == 2
    assert "body: minLength" in json.dumps(openai.requests[1]["messages"])


def test_an_answer_that_was_cut_off_twice_is_said_to_be_cut_off(openai: Emulator):
    openai.behave = says('{"body": "Dear An', finish="length", completion=64)
    used: list[Usage] = []
    with pytest.raises(Invalid) as caught:
        _ask(_one(openai), used, max_output_tokens=64)
    assert (caught.value.code, caught.value.data["limit"]) == ("orchestration.model_truncated", 64)
    assert sum(u.tokens_completion for u in used) == 128
    assert "cut off" in json.dumps(openai.requests[1]["messages"])


def test_a_whole_answer_that_was_cut_off_all_the_same_is_not_taken(openai: Emulator):
    openai.behave = says(GOOD, finish="length")
    with pytest.raises(Invalid, match="model_truncated"):
        _ask(_one(openai))


def test_what_was_wrong_is_told_without_the_words_of_the_model(openai: Emulator):
    openai.behave = says({"body": "Dear Anna, yes.", "secret": "canary-words"})
    with pytest.raises(Invalid) as caught:
        _ask(_one(openai))
    assert caught.value.data["problems"] == ["answer: additionalProperties"]
    assert "canary-words" not in repr(caught.value.data)


def test_a_model_that_declines_is_not_asked_twice(openai: Emulator):
    openai.behave = says(GOOD, finish="content_filter")
    with pytest.raises(Invalid, match="model_declined"):
        _ask(_one(openai))
    assert len(openai.requests) == 1


@pytest.mark.parametrize("text", [json.dumps(GOOD), f"```json\n{json.dumps(GOOD)}\n```"])
def test_a_model_that_writes_instead_of_calling_is_understood(openai: Emulator, text: str):
    openai.behave = writes(text)
    assert _ask(_one(openai, "openai:my-own-llama")) == GOOD


@pytest.mark.parametrize("text", ["", "I cannot do that.", "[]", "null", "[" * 50_000, '{"body": NaN}'])
def test_a_text_that_is_no_answer_is_wrong(openai: Emulator, text: str):
    openai.behave = writes(text)
    with pytest.raises((Invalid, Unavailable)) as caught:
        _ask(_one(openai))
    assert caught.value.code in ("orchestration.model_output_wrong", "orchestration.model_failed")


def test_a_call_of_a_tool_that_nobody_offered_is_wrong_and_runs_nothing(openai: Emulator):
    def obeys(asked: dict[str, Any]) -> tuple[int, bytes]:
        status, content = says({"to": "spy@example.net"})(asked)
        return status, content.replace(b'"name": "answer"', b'"name": "send_mail"')

    openai.behave = obeys
    with pytest.raises(Invalid, match="model_output_wrong"):
        _ask(_one(openai))


def _huge(piece: bytes) -> Callable[[Emulator], Iterator[bytes]]:
    def pieces(server: Emulator) -> Iterator[bytes]:
        for _ in range(200):
            yield piece

    return pieces


def _endless(server: Emulator) -> Iterator[bytes]:
    while not server.released.is_set():
        yield b" " * 65536


def _drip(server: Emulator) -> Iterator[bytes]:
    while not server.released.wait(0.1):
        yield b" "


@pytest.mark.parametrize(
    ("body", "why"), [(_huge(b"x" * 100_000), "too_large"), (_endless, "too_large"), (_drip, "timeout")],
    ids=["huge", "endless", "drip"],
)  # fmt: skip
def test_an_answer_that_does_not_end_is_cut(openai: Emulator, body: Any, why: str):
    openai.behave = lambda asked: (200, body(openai))
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        _ask(_one(openai, seconds=1.5))
    openai.released.set()
    assert caught.value.data["why"] == why
    assert time.monotonic() - began < 5


def test_a_packed_answer_is_not_unpacked(openai: Emulator, monkeypatch: pytest.MonkeyPatch):
    packed = gzip.compress(b" " * 50_000_000)

    def bomb(asked: dict[str, Any]) -> tuple[int, bytes]:
        return 200, packed

    monkeypatch.setattr(openai, "behave", bomb)
    openai.extra_headers["content-encoding"] = "gzip"
    with pytest.raises(Unavailable) as caught:
        _ask(_one(openai))
    assert caught.value.data["why"] == "too_large"
    assert openai.headers[0]["accept-encoding"] == "identity"


def test_the_key_does_not_follow_a_redirect(openai: Emulator, anthropic: Emulator):
    anthropic.behave = fails(307, f"{openai.url}/chat/completions".encode())
    with pytest.raises(Unavailable):
        _ask(_one(anthropic, "anthropic:claude-haiku-4-5"))
    assert openai.requests == []


def test_no_call_goes_on_past_the_deadline(openai: Emulator):
    openai.behave = lambda asked: (200, _drip(openai))
    began = time.monotonic()
    with pytest.raises(Unavailable) as caught:
        _ask(_one(openai), deadline=time.monotonic() + 0.5)
    openai.released.set()
    assert caught.value.data["why"] == "timeout"
    assert time.monotonic() - began < 3
    with pytest.raises(Unavailable):
        _ask(_one(openai), deadline=time.monotonic() - 1)
    assert len(openai.requests) == 1


def test_no_call_is_begun_once_the_money_is_used(openai: Emulator):
    openai.behave = says({"body": "x"}, prompt=100_000, completion=10)
    used: list[Usage] = []
    with pytest.raises(LimitReached) as caught:
        _ask(_one(openai), used, max_cost=Decimal("0.01"))
    assert caught.value.code == "orchestration.model_budget_used"
    assert len(openai.requests) == 1
    assert used[0].cost is not None and used[0].cost > Decimal("0.01")


def test_an_answer_is_no_longer_than_the_money_pays_for(openai: Emulator):
    openai.behave = says(GOOD)
    _ask(_one(openai), max_cost=Decimal("0.001"), max_output_tokens=16_000)
    assert 1000 < openai.requests[0]["max_completion_tokens"] < 1700
    with pytest.raises(LimitReached):
        _ask(_one(openai), max_cost=Decimal("0.00001"))


def test_a_run_s_budget_is_asked_before_a_call_and_told_after_it(openai: Emulator):
    openai.behave = says(GOOD, prompt=800, completion=190)
    budget = Budget(
        "free",
        tokens=[Ceiling("tokens_per_run", 1_000, 0, None)],
        cost=[Ceiling("cost_per_run", Decimal(1), Decimal(0), None)],
    )
    assert _ask(_one(openai), budget=budget) == GOOD
    assert 16 < openai.requests[0]["max_completion_tokens"] < 1_000
    assert (budget.tokens, budget.cost) == (10, Decimal(1) - Decimal("0.000234"))
    with pytest.raises(LimitReached, match="model_tokens_short"):
        _ask(_one(openai), budget=budget)
    budget.spend(Usage(tokens_prompt=10))
    with pytest.raises(LimitReached, match="limit_reached"):
        _ask(_one(openai), budget=budget)
    assert len(openai.requests) == 1


def test_a_model_without_a_price_is_bound_by_what_others_cost(openai: Emulator):
    openai.behave = says(GOOD)
    assert _ask(_one(openai, "openai:my-own-llama"), max_cost=Decimal("0.001")) == GOOD
    with pytest.raises(LimitReached):
        _ask(_one(openai, "openai:my-own-llama"), [Usage(cost=Decimal("0.001"))], max_cost=Decimal("0.001"))


def test_servers_of_ones_own_get_the_limit_by_its_older_name(openai: Emulator):
    openai.behave = says(GOOD)
    _ask(_one(openai, "openai:llama3"), max_output_tokens=77)
    _ask(_one(openai, "openai:gpt-5"), max_output_tokens=77)
    old, new = openai.requests
    assert (old["max_tokens"], "max_completion_tokens" in old) == (77, False)
    assert (new["max_completion_tokens"], "max_tokens" in new) == (77, False)


def _chain(openai: Emulator, anthropic: Emulator) -> AskedModels:
    models = AskedModels("openai:gpt-4o-mini,anthropic:claude-haiku-4-5", openai.url, seconds=20)
    first, second = models._named
    object.__setattr__(second, "base_url", anthropic.url)
    assert first.base_url == openai.url
    return models
