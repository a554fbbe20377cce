"""What a call costs is known before and after it, and what it was calculated by is kept."""

import json
from decimal import Decimal

from genai_prices import Usage

from runners.models.prices import cost_of, price_of


def test_a_known_model_has_a_price_in_json() -> None:
    price = price_of("openai", "gpt-4o-mini")
    assert price is not None
    assert (price.unit["input_mtok"], price.unit["output_mtok"], price.unit["currency"]) == ("0.15", "0.6", "USD")
    json.dumps(price.unit)


def test_a_price_that_rises_with_length_keeps_its_steps_and_is_taken_at_its_highest() -> None:
    price = price_of("anthropic", "claude-haiku-5-5")
    assert price is not None
    steps = price.unit["input_mtok"]
    assert price.prompt * 1_000_000 == max(Decimal(steps["base"]), *(Decimal(step["price"]) for step in steps["tiers"]))
    json.dumps(price.unit)


def test_money_pays_for_so_many_tokens() -> None:
    price = price_of("openai", "gpt-4o-mini")
    assert price is not None
    assert price.tokens_for(Decimal("0.00075"), 1_000) == 1_000
    assert price.tokens_for(Decimal("0.0001"), 1_000) == 0


def test_an_unknown_model_has_neither_price_nor_cost() -> None:
    assert price_of("openai", "my-own-llama") is None
    assert cost_of("openai", "my-own-llama", Usage(input_tokens=1, output_tokens=1)) is None
