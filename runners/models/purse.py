"""What a question may cost: the step's own limit and what the run may still use, asked before each call and told after it."""

from decimal import Decimal

from core.billing.models import Budget
from core.kernel.errors import LimitReached
from core.orchestration.ports import Usage
from runners.models.prices import price_of

FEWEST_TOKENS = 16
"""No answer fits into fewer."""


class Purse:
    """`used` is what the step has used so far, to which each call is added at once; `max_cost` in US dollars is held against all of it."""

    def __init__(self, used: list[Usage], max_cost: Decimal | None, budget: Budget | None) -> None:
        self._used, self._max_cost, self._budget = used, max_cost, budget

    def tokens(self, provider: str, model: str, prompt: int, wanted: int) -> int:
        """How long an answer may be after a prompt of that length, both in tokens: `wanted`, or what the rest pays for. Raises LimitReached
        `orchestration.model_budget_used` or `model_tokens_short` where that is none, `billing.limit_reached` where the run may use nothing any more."""
        if self._budget is not None:
            self._budget.need()
        spent = sum((usage.cost or Decimal(0) for usage in self._used), Decimal(0))
        own = None if self._max_cost is None else self._max_cost - spent
        days = None if self._budget is None else self._budget.cost
        left = min((money for money in (own, days) if money is not None), default=None)
        price = price_of(provider, model)
        paid = wanted if left is None or price is None else min(wanted, price.tokens_for(left, prompt))
        if paid < FEWEST_TOKENS or (left is not None and left <= 0):
            raise LimitReached("orchestration.model_budget_used", left=str(left))
        tokens = None if self._budget is None else self._budget.tokens
        if tokens is not None and tokens - prompt < FEWEST_TOKENS:
            raise LimitReached("orchestration.model_tokens_short", left=tokens, needed=prompt + FEWEST_TOKENS)
        return paid if tokens is None else min(paid, tokens - prompt)

    def paid(self, usage: Usage) -> None:
        """One call was made."""
        self._used.append(usage)
        if self._budget is not None:
            self._budget.spend(usage)
