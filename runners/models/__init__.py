"""Language models, by name: the only place that knows their providers."""

from core.kernel.settings import Settings
from core.orchestration.ports import LanguageModel

__all__ = ["language_model"]


def language_model(settings: Settings) -> LanguageModel | None:
    """The model that `NOD_MODEL` names (`openai:<name>`, `anthropic:<name>`), at `NOD_MODEL_BASE_URL` where that is set; None for
    `offline`. The key is read by the provider's own client from its own variable (`OPENAI_API_KEY`, `ANTHROPIC_API_KEY`).
    Raises Invalid `orchestration.model_unknown` for a name that says no provider."""
    if settings.model == "offline":
        return None
    from runners.models.asking import AskedModel  # half a second of imports that an offline worker does not need

    return AskedModel(settings.model, settings.model_base_url)
