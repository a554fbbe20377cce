"""Everything that can be configured from outside. The only place that reads the environment."""

from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from pydantic import AliasChoices, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Settings of one process, read from `NOD_*` variables and `.env`. Names are fixed by the README."""

    model_config = SettingsConfigDict(env_prefix="NOD_", env_file=".env", extra="ignore", frozen=True)

    database_url: SecretStr | None = Field(default=None, description="PostgreSQL of the owner role; unset: embedded")
    database_app_url: SecretStr | None = Field(
        default=None, description="PostgreSQL of the app role; unset: the owner's address with the role nod_app"
    )
    redis_url: SecretStr | None = Field(default=None, description="Redis or Valkey; unset: embedded")
    data_dir: Path = Path(".nod")
    public_url: str | None = None
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    workers: int = Field(default=1, ge=1, le=64, description="worker processes of `nod up`")
    worker_threads: int = Field(default=8, ge=1, le=64)
    local_email: str = "you@localhost"

    sign_in_token: SecretStr | None = Field(default=None, description="opens the chat page; made anew by each `nod up`")
    ready_fd: int | None = Field(
        default=None, ge=0, description="set by the supervisor: where a process says that it works"
    )

    smtp_url: SecretStr | None = Field(
        default=None,
        description="mails to people (signing in): smtps://name:password@host, smtp:// with STARTTLS, smtp+plain:// without",
    )
    mail_from: str | None = Field(default=None, description="the sender of those mails; unset: the name in smtp_url")

    telegram_token: SecretStr | None = None
    telegram_api_url: str = "https://api.telegram.org"
    telegram_webhook_secret: SecretStr | None = None

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = Field(default=None, description="xapp-…: events come by Socket Mode")
    slack_signing_secret: SecretStr | None = Field(default=None, description="events come signed, by HTTP")
    slack_client_id: str | None = Field(default=None, description="with the client secret: other teams may install it")
    slack_client_secret: SecretStr | None = None
    slack_api_url: str = "https://slack.com/api/"

    model: str = "offline"
    model_base_url: str | None = None

    limits: Literal["own", "tiers"] = Field(
        default="own",
        description="own: no limits but the ceiling of cost; tiers: those of each workspace's subscription",
    )
    cost_per_day: Decimal = Field(
        default=Decimal(10), gt=0, description="US dollars a day that models may cost a workspace, where limits are own"
    )

    master_key: SecretStr | None = Field(default=None, description="32 bytes, base64; wins over the file")
    master_key_file: Path | None = Field(default=None, description="unset: <data_dir>/master.key, made on first start")

    log_format: Literal["json", "console"] = "console"
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    otlp_endpoint: str | None = Field(
        default=None, validation_alias=AliasChoices("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    )
    metrics_folder: Path | None = Field(default=None, validation_alias="PROMETHEUS_MULTIPROC_DIR")

    test: bool = Field(default=False, description="set only by the test suite; allows fault points")
    fault: str | None = Field(default=None, description="point:kill9|stop|sleep|raise, refused unless test")

    @field_validator("smtp_url")
    @classmethod
    def _names_a_mail_server(cls, url: SecretStr | None) -> SecretStr | None:
        if url is None or not url.get_secret_value():
            return None
        parts = urlsplit(url.get_secret_value())
        if parts.scheme not in ("smtps", "smtp", "smtp+plain") or not parts.hostname or parts.port == 0:
            raise ValueError("It has to begin with smtps://, smtp:// or smtp+plain:// and name a host.")
        return url

    @property
    def embedded(self) -> bool:
        """Whether Nod supervises its own PostgreSQL."""
        return self.database_url is None and self.database_app_url is None


@cache
def settings() -> Settings:
    """The settings of this process. Raises pydantic's ValidationError when a variable is malformed."""
    return Settings()
