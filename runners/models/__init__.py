"""Language models, by name: the only place that knows their providers."""

from core.kernel.settings import Settings
from core.orchestration.ports import LanguageModel

__all__ = ["language_model"]


def language_model(settings: Settings) -> LanguageModel | None:
    """The models that `NOD_MODEL` names (`openai:<name>`, `anthropic:<name>`; several are separated by commas, and tried in that order); None for
    `offline`. `NOD_MODEL_BASE_URL` is the address of the provider that is named first, and of no other. The key is read by the provider's own client from its own
    variable (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`). Raises Invalid `orchestration.model_unknown` for a name that says no provider."""
    if settings.model.strip() == "offline":
        return None
    from runners.models.asking import AskedModels  # half a second of imports that an offline worker does not need

    return AskedModels(settings.model, settings.model_base_url)
