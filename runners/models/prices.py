"""What a call costs, by the price list of genai-prices that is installed; nothing is fetched."""

from dataclasses import dataclass
from decimal import Decimal
from importlib.metadata import version
from typing import Any

from genai_prices import Usage as Counted
from genai_prices import calc_price
from genai_prices.types import TieredPrices

_MILLION = Decimal(1_000_000)


@dataclass(frozen=True)
class Price:
    """What a model costs now. `unit` are the unit prices in US dollars as JSON values (`input_mtok`: per million tokens), to be kept beside what
    was charged by them; `prompt` and `completion` the highest price of one token."""

    unit: dict[str, Any]
    prompt: Decimal
    completion: Decimal

    def tokens_for(self, money: Decimal, prompt_tokens: int) -> int:
        """How many tokens of answer `money` pays for after a prompt of that length."""
        left = money - self.prompt * prompt_tokens
        return 10**9 if self.completion == 0 and left >= 0 else max(0, int(left / (self.completion or 1)))


def price_of(provider: str, model: str) -> Price | None:
    """None for a model that the list does not know."""
    found = _calculated(provider, model, Counted(input_tokens=0, output_tokens=0))
    if found is None:
        return None
    prices = {name: value for name, value in vars(found.model_price).items() if value is not None}
    unit = {name: _json(value) for name, value in sorted(prices.items())}
    return Price(
        unit={"currency": "USD", "source": f"genai-prices {version('genai-prices')}", **unit},
        prompt=_highest(prices.get("input_mtok")) / _MILLION,
        completion=_highest(prices.get("output_mtok")) / _MILLION,
    )


def cost_of(provider: str, model: str, usage: Any) -> Decimal | None:
    """US dollars for what a response used (with its cached tokens, if it says); None for a model that the list does not know."""
    found = _calculated(provider, model, usage)
    return None if found is None else found.total_price


def _calculated(provider: str, model: str, usage: Any) -> Any:
    try:
        return calc_price(usage, model, provider_id=provider)
    except (LookupError, ValueError):
        return None


def _json(value: Any) -> Any:
    if isinstance(value, TieredPrices):
        return {"base": str(value.base), "tiers": [{"above": t.start, "price": str(t.price)} for t in value.tiers]}
    return str(value)


def _highest(value: Any) -> Decimal:
    if isinstance(value, TieredPrices):
        return max([value.base, *(tier.price for tier in value.tiers)])
    return Decimal(value or 0)
