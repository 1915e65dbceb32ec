"""Every setting of the gateway: its variable, its default, its limits, what it does.

A variable is `GATEWAY_` and the field's name in capitals; the `DATABASE_...` ones keep the name
that hosts give them. An empty variable counts as unset.
"""

from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from gateway import database_url

PREFIX: Final = "GATEWAY_"
SHARED_SECRET_MINIMUM_BYTES: Final = 32  # RFC 7518, 3.2: a key as long as HS256's hash
ASYMMETRIC_ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"),
)
_STRIPE_KEYS: Final = ("sk_test_", "sk_live_", "rk_test_", "rk_live_")
_LOOPBACK_HOSTS: Final = ("localhost", "127.0.0.1", "::1")

Words = Annotated[tuple[str, ...], NoDecode]


class Settings(BaseSettings):
    """What an operator can decide; `environment.load` reads it, and explains mistakes."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_by_name=True,
    )

    # PostgreSQL
    database_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="The PostgreSQL server, `postgresql://user:password@host/database`. "
        "Without it, an embedded server runs in the data directory.",
    )
    database_listen_url: SecretStr | None = Field(
        default=None,
        validation_alias="DATABASE_LISTEN_URL",
        description="The same database past any pooler, for the connection that hears of changes "
        "and for commands; required behind a PgBouncer in transaction mode.",
    )
    database_pool_size: int = Field(
        default=10,
        ge=1,
        le=1_000,
        validation_alias="DATABASE_POOL_SIZE",
        description="Connections that the requests of each worker have at most.",
    )
    database_statement_timeout_seconds: float = Field(
        default=8.0,
        gt=0,
        le=3_600,
        validation_alias="DATABASE_STATEMENT_TIMEOUT_SECONDS",
        description="PostgreSQL cancels a statement that runs longer.",
    )
    database_statement_cache: int = Field(
        default=256,
        ge=0,
        le=100_000,
        validation_alias="DATABASE_STATEMENT_CACHE",
        description="Prepared statements kept on each connection; "
        "0 behind a PgBouncer in transaction mode.",
    )
    data_directory: Path = Field(
        default=Path(".gateway"),
        description="Where the embedded PostgreSQL keeps its files.",
    )

    # The server
    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        description="The address to listen on; `0.0.0.0` is every IPv4 one.",
    )
    port: int = Field(
        default=8000, ge=0, le=65_535, description="The port to listen on; 0 takes a free one."
    )
    workers: int = Field(
        default=1, ge=1, le=256, description="Processes that serve, one a core at most."
    )
    keep_alive_seconds: int = Field(
        default=65,
        ge=1,
        le=3_600,
        description="An idle connection is kept so long: longer than a load balancer does.",
    )
    shutdown_timeout_seconds: int = Field(
        default=15,
        ge=1,
        le=3_600,
        description="Requests in flight have so long to end when the gateway is stopped.",
    )
    trusted_proxies: Words = Field(
        default=("127.0.0.1", "::1"),
        description="Addresses or networks whose `X-Forwarded-...` headers are believed.",
    )
    cors_origins: Words = Field(
        default=(),
        description="Origins whose pages may call the gateway, separated by commas; "
        "`*` for any. Browsers never send cookies along.",
    )

    # Identity
    auth_shared_secret: SecretStr | None = Field(
        default=None,
        description="Verifies HS256 tokens: at least 32 bytes, shared with who signs them. "
        "Either this or the key set's address.",
    )
    auth_jwks_url: str | None = Field(
        default=None,
        description="The issuer's key set (JWKS), which verifies tokens signed by its keys.",
    )
    auth_issuer: str | None = Field(
        default=None,
        description="The `iss` that every token must carry; required with a key set.",
    )
    auth_audience: str | None = Field(
        default=None,
        description="The `aud` that every token must carry; required with a key set.",
    )
    auth_jwks_algorithms: Words = Field(
        default=("RS256", "ES256", "EdDSA"),
        description=f"Algorithms accepted with a key set, of {', '.join(ASYMMETRIC_ALGORITHMS)}.",
    )
    auth_clock_skew_seconds: int = Field(
        default=30,
        ge=0,
        le=300,
        description="The issuer's clock may differ by so much in `exp`, `nbf` and `iat`.",
    )
    auth_token_limit_bytes: int = Field(
        default=8_192, ge=256, le=65_536, description="A longer token is refused unread."
    )
    auth_token_cache_entries: int = Field(
        default=10_000,
        ge=0,
        le=1_000_000,
        description="Verified tokens each worker remembers until they expire; 0 remembers none.",
    )
    auth_jwks_cache_seconds: int = Field(
        default=600, ge=1, le=86_400, description="The key set is fetched again when older."
    )
    auth_jwks_stale_seconds: int = Field(
        default=86_400,
        ge=0,
        le=604_800,
        description="While the key set cannot be fetched, the known keys serve up to this age.",
    )
    auth_jwks_cooldown_seconds: int = Field(
        default=10,
        ge=0,
        le=3_600,
        description="Pause between fetches that unknown keys or failures ask for.",
    )
    auth_jwks_timeout_seconds: float = Field(
        default=5.0, gt=0, le=60, description="A fetch of the key set fails after so long."
    )
    auth_jwks_limit_bytes: int = Field(
        default=524_288, ge=1_024, le=10_485_760, description="A longer key set is refused."
    )

    # Payments
    return_origins: Words = Field(
        default=(),
        description="Origins to which people are sent back from checkout pages and the customer "
        "portal, separated by commas; without any, nothing can be bought.",
    )

    # GraphQL
    graphiql: bool = Field(default=True, description="Serve GraphiQL, the explorer, at /graphiql.")
    introspection: bool = Field(default=True, description="Answer introspection of the schema.")
    limit_body_bytes: int = Field(
        default=1_048_576, ge=1_024, le=104_857_600, description="Size of a request's body."
    )
    limit_tokens: int = Field(
        default=2_000, ge=10, le=1_000_000, description="Lexical tokens of a document."
    )
    limit_depth: int = Field(default=12, ge=1, le=1_000, description="Depth of nested fields.")
    limit_aliases: int = Field(default=30, ge=0, le=100_000, description="Aliases of an operation.")
    limit_directives: int = Field(
        default=50, ge=0, le=100_000, description="Directives of a document."
    )
    limit_root_fields: int = Field(
        default=20, ge=1, le=100_000, description="Fields at the root of an operation."
    )
    limit_fragments: int = Field(
        default=100, ge=0, le=100_000, description="Fragments that a document defines."
    )
    limit_objects: int = Field(
        default=20_000,
        ge=1,
        le=100_000_000,
        description="Objects that an operation can answer with: its pages, multiplied.",
    )
    limit_introspections: int = Field(
        default=3, ge=0, le=100_000, description="`__schema` and `__type` fields of an operation."
    )
    limit_values: int = Field(
        default=20_000,
        ge=1,
        le=100_000_000,
        description="Values in an operation's variables, each list and object one more; "
        "1,000 events of usage are 10,000.",
    )
    limit_websocket_operations: int = Field(
        default=100, ge=1, le=100_000, description="Operations at once on a WebSocket connection."
    )
    body_timeout_seconds: float = Field(
        default=30.0,
        gt=0,
        le=3_600,
        description="A request whose body has not come by then is refused.",
    )
    websocket_init_timeout_seconds: float = Field(
        default=10.0,
        gt=0,
        le=3_600,
        description="A WebSocket that has not introduced itself by then is closed.",
    )
    stream_heartbeat_seconds: float = Field(
        default=15.0,
        gt=0,
        le=3_600,
        description="A stream of events in which nothing happens says so at this interval: "
        "shorter than any proxy's idle timeout.",
    )
    subscription_interval_seconds: float = Field(
        default=0.2,
        ge=0,
        le=3_600,
        description="A subscription is told of changes at most this often; "
        "those in between are told as one.",
    )
    remembered_documents: int = Field(
        default=1_000,
        ge=1,
        le=1_000_000,
        description="Validated documents that each worker remembers.",
    )
    remembered_document_bytes: int = Field(
        default=67_108_864,
        ge=0,
        le=17_179_869_184,
        description="Memory that they take, about, in each worker.",
    )
    operation_timeout_seconds: float = Field(
        default=10.0, gt=0, le=3_600, description="An operation that takes longer is cancelled."
    )

    # Stripe
    stripe_secret_key: SecretStr | None = Field(
        default=None,
        description="Stripe's secret key, `sk_test_...` or `sk_live_...`. Without it, nothing can "
        "be bought.",
    )
    stripe_webhook_secret: SecretStr | None = Field(
        default=None,
        description="Signs Stripe's events, `whsec_...`; two, separated by a comma, while one "
        "replaces the other. Without it, /webhooks/stripe is not served.",
    )
    stripe_api_base: str | None = Field(
        default=None,
        description="Where Stripe is, if not at its own address: the sandbox. Not with a live key.",
    )
    stripe_timeout_seconds: float = Field(
        default=8.0,
        gt=0,
        le=80,
        description="A call to Stripe fails after so long; all the calls of an operation together "
        "after four fifths of its time, and 24 s at most.",
    )
    limit_webhook_bytes: int = Field(
        default=1_048_576,
        ge=1_024,
        le=104_857_600,
        description="Size of an event that Stripe sends.",
    )

    # The worker
    worker: bool = Field(
        default=True,
        description="Settle events, refresh packages and do jobs in every process that serves; "
        "`false` where `gateway worker` runs.",
    )
    worker_poll_seconds: float = Field(
        default=0.5,
        ge=0.01,
        le=60,
        description="How long a worker waits when there is nothing to do.",
    )
    clock_offset_file: Path | None = Field(
        default=None,
        description="For development: a file with the seconds by which the time of periods and "
        "packages is ahead. Not with a live key.",
    )

    # What operators see
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important lines that are written."
    )
    log_format: Literal["automatic", "json", "console"] = Field(
        default="automatic",
        description="`automatic` is colourful on a terminal and JSON lines elsewhere.",
    )
    metrics: bool = Field(
        default=False,
        description="Serve Prometheus metrics at /metrics; keep that path off the public network.",
    )

    @property
    def is_live(self) -> bool:
        """Whether Stripe's key moves real money."""
        key = self.stripe_secret_key
        return key is not None and "_live_" in key.get_secret_value()

    @field_validator(
        *("trusted_proxies", "cors_origins", "auth_jwks_algorithms", "return_origins"),
        mode="before",
    )
    @classmethod
    def _split(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(word for word in (part.strip() for part in value.split(",")) if word)
        return value

    @field_validator("log_level", "log_format", mode="before")
    @classmethod
    def _lower(cls, value: object) -> object:
        return value.lower() if isinstance(value, str) else value

    @field_validator("database_url", "database_listen_url")
    @classmethod
    def _read_database_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None:
            return None
        return SecretStr(database_url.for_asyncpg(value.get_secret_value()))

    @field_validator("auth_shared_secret")
    @classmethod
    def _refuse_weak_secrets(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            secret = value.get_secret_value()
            size = len(secret.encode("utf-8", "surrogateescape"))
            if size < SHARED_SECRET_MINIMUM_BYTES:
                raise ValueError(f"has {size} bytes, at least {SHARED_SECRET_MINIMUM_BYTES} needed")
            if secret.startswith(("-----BEGIN", "ssh-")):
                raise ValueError("is a key pair's key; publish it as a JWKS instead")
        return value

    @field_validator("auth_jwks_url", "stripe_api_base")
    @classmethod
    def _refuse_unsafe_addresses(cls, value: str | None) -> str | None:
        if value is None:
            return None
        address = urlsplit(value)
        if address.username is not None or address.password is not None:
            raise ValueError("must not carry a user or password")
        on_this_machine = address.scheme == "http" and address.hostname in _LOOPBACK_HOSTS
        if not address.hostname or (address.scheme != "https" and not on_this_machine):
            raise ValueError("must begin with https:// (http:// only on this machine)")
        return value

    @field_validator("auth_jwks_algorithms")
    @classmethod
    def _refuse_symmetric_algorithms(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [word for word in value if word not in ASYMMETRIC_ALGORITHMS]
        if unknown or not value:
            raise ValueError(f"must be some of {', '.join(ASYMMETRIC_ALGORITHMS)}")
        return value

    @field_validator("stripe_secret_key")
    @classmethod
    def _refuse_other_keys(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().startswith(_STRIPE_KEYS):
            raise ValueError(f"must begin with one of {', '.join(_STRIPE_KEYS)}")
        return value

    @field_validator("stripe_api_base")
    @classmethod
    def _close_address(cls, value: str | None) -> str | None:
        return None if value is None else value.rstrip("/")

    @field_validator("cors_origins")
    @classmethod
    def _refuse_half_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            parts = urlsplit(origin)
            whole = parts.scheme in ("http", "https") and parts.netloc and not parts.path
            if origin != "*" and not whole:
                raise ValueError("must be origins such as https://app.example.com, without a path")
        return value

    @field_validator("return_origins")
    @classmethod
    def _refuse_any_origin(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "*" in value:
            raise ValueError("must name each origin: people come back from a page with payments")
        return cls._refuse_half_origins(value)

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.auth_shared_secret is not None and self.auth_jwks_url is not None:
            raise ValueError(
                "GATEWAY_AUTH_SHARED_SECRET, GATEWAY_AUTH_JWKS_URL: set one of them, not both"
            )
        if self.auth_jwks_url is not None:
            for name in ("auth_issuer", "auth_audience"):
                if getattr(self, name) is None:
                    raise ValueError(f"{PREFIX}{name.upper()}: required with a key set")
        if self.is_live:
            for name in ("clock_offset_file", "stripe_api_base"):
                if getattr(self, name) is not None:
                    raise ValueError(f"{PREFIX}{name.upper()}: not with a live key")
        if self.auth_jwks_stale_seconds < self.auth_jwks_cache_seconds:
            raise ValueError(
                "GATEWAY_AUTH_JWKS_STALE_SECONDS: must not be below GATEWAY_AUTH_JWKS_CACHE_SECONDS"
            )
        return self
