"""The providers of language models: how a name becomes a model that can be asked once."""

import re
from dataclasses import dataclass
from typing import Any, Literal

from openai import OpenAIError
from pydantic_ai.models import Model

from core.kernel.errors import Invalid
from runners.models.limits import limited_client

Provider = Literal["openai", "anthropic"]
_TAKES_NEW_LIMIT = re.compile(r"^(?:gpt-(?!oss)|o\d|chatgpt)")
"""OpenAI's own models, also behind a gateway, know only `max_completion_tokens`; many other servers (Ollama) only `max_tokens`."""


@dataclass(frozen=True)
class Named:
    """A model of a provider, at an address of its own (None: the provider's)."""

    provider: Provider
    model: str
    base_url: str | None

    @property
    def name(self) -> str:
        """As it is written in `NOD_MODEL`."""
        return f"{self.provider}:{self.model}"

    def open(self, seconds: float) -> tuple[Model, Any]:
        """The model, and the client that is to be closed after the question. Raises the provider's own error where the key is missing."""
        return _anthropic(self, seconds) if self.provider == "anthropic" else _openai(self, seconds)


def named(text: str, base_url: str | None) -> tuple[Named, ...]:
    """The models of a list separated by commas. Raises Invalid `orchestration.model_unknown` (data: model)."""
    found: list[Named] = []
    for name in (part.strip() for part in text.split(",")):
        provider, _, model = name.partition(":")
        if provider not in ("openai", "anthropic") or not model:
            raise Invalid("orchestration.model_unknown", model=name)
        first = found[0].provider if found else provider
        found.append(Named(provider, model, base_url if provider == first else None))
    return tuple(dict.fromkeys(found))


def _anthropic(named: Named, seconds: float) -> tuple[Model, Any]:
    from anthropic import AsyncAnthropic
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    client = AsyncAnthropic(
        base_url=named.base_url, max_retries=1, timeout=seconds, http_client=limited_client(seconds)
    )
    return AnthropicModel(named.model, provider=AnthropicProvider(anthropic_client=client)), client


def _openai(named: Named, seconds: float) -> tuple[Model, Any]:
    from openai import AsyncOpenAI
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.profiles.openai import OpenAIModelProfile
    from pydantic_ai.providers.openai import OpenAIProvider

    given: Any = {"base_url": named.base_url, "max_retries": 1, "timeout": seconds}
    try:
        client = AsyncOpenAI(**given, http_client=limited_client(seconds))
    except OpenAIError:
        if named.base_url is None:
            raise
        # A server of one's own often wants no key, but the client insists on one.
        client = AsyncOpenAI(**given, http_client=limited_client(seconds), api_key="none")
    profile = None
    if named.base_url is not None and not _TAKES_NEW_LIMIT.match(named.model):
        profile = OpenAIModelProfile(openai_chat_supports_max_completion_tokens=False)
    return OpenAIChatModel(named.model, provider=OpenAIProvider(openai_client=client), profile=profile), client
