"""The settings: what is read, what is refused, and what a refusal says."""

from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from gateway import environment
from gateway.environment import SettingsError
from gateway.settings import Settings

SECRET = "a shared secret of thirty-two bytes or more"
KEY_SET = {
    "GATEWAY_AUTH_JWKS_URL": "https://issuer.example.com/jwks",
    "GATEWAY_AUTH_ISSUER": "https://issuer.example.com/",
    "GATEWAY_AUTH_AUDIENCE": "billing",
}

Load = Callable[..., Settings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Read the settings of an environment that holds just the variables that are given."""
    for name in (environment.variable(field) for field in Settings.model_fields):
        monkeypatch.delenv(name, raising=False)

    def read(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return environment.load()

    return read


def mistakes(load: Load, **variables: str) -> list[str]:
    """Return what is said about variables that cannot be used."""
    with pytest.raises(SettingsError) as caught:
        load(**variables)
    return caught.value.mistakes


def test_nothing_has_to_be_set(load: Load) -> None:
    """The defaults serve on loopback with the embedded server."""
    read = load()
    assert (read.host, read.port, read.workers) == ("127.0.0.1", 8000, 1)
    assert read.database_url is None
    assert read.data_directory == Path(".gateway")
    assert read.auth_shared_secret is None


def test_an_empty_variable_is_unset(load: Load) -> None:
    """As compose files and unit files leave them."""
    assert load(DATABASE_URL="", GATEWAY_PORT="", GATEWAY_AUTH_SHARED_SECRET="") == load()


def test_lists_are_separated_by_commas(load: Load) -> None:
    """With or without blanks."""
    read = load(GATEWAY_CORS_ORIGINS="https://app.example.com, http://localhost:3000,")
    assert read.cors_origins == ("https://app.example.com", "http://localhost:3000")


def test_words_are_read_in_any_case(load: Load) -> None:
    """LOG_LEVEL=INFO is what people write."""
    read = load(GATEWAY_LOG_LEVEL="WARNING", GATEWAY_LOG_FORMAT="Json", GATEWAY_METRICS="TRUE")
    assert (read.log_level, read.log_format, read.metrics) == ("warning", "json", True)


def test_what_the_command_line_says_comes_first(load: Load) -> None:
    """Before the environment, also where the variable has a name of its own."""
    load(GATEWAY_PORT="9000", DATABASE_URL="postgresql://host/environment")
    read = environment.load(port=9001, database_url="postgresql://host/argument")
    assert read.port == 9001
    assert _address(read) == "postgresql+asyncpg://host/argument"


def test_settings_do_not_change(load: Load) -> None:
    """Whoever holds them may rely on them."""
    with pytest.raises(ValidationError):
        load().port = 1  # type: ignore[misc]  # the attempt is the test


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("postgres://ada:p%40ss@db:6432/billing", "ada:p%40ss@db:6432/billing"),
        ("postgresql://db/billing", "db/billing"),
        ("postgresql+asyncpg://db/billing", "db/billing"),
        ("postgresql://[::1]:5432/billing", "[::1]:5432/billing"),
        ("postgresql:///billing?host=/run/postgresql", "/billing?host=/run/postgresql"),
        ("postgres://db/billing?sslmode=require", "db/billing?ssl=require"),
        ("postgres://db/b?sslmode=verify-full&channel_binding=require", "db/b?ssl=verify-full"),
    ],
)
def test_the_databases_address_is_read_as_hosts_give_it(load: Load, given: str, read: str) -> None:
    """Whatever its scheme is called, with libpq's options where they mean something."""
    assert _address(load(DATABASE_URL=given)) == f"postgresql+asyncpg://{read}"


@pytest.mark.parametrize(
    ("address", "mistake"),
    [
        ("mysql://ada:hunter2@db/billing", "must begin with postgresql://"),
        ("ada:hunter2@db/billing", "must begin with postgresql://"),
        ("sqlite:///hunter2.db", "must begin with postgresql://"),
        ("postgresql://ada:hunter2@db", "names no database"),
        ("postgresql://ada:hunter2@db/", "names no database"),
        ("postgresql://ada:hunter2@db:port/billing", "is no address"),
        ("postgresql://ada:hunter2@[db/billing", "is no address"),
        ("postgresql://ada:hunter2@db/billing?sslcert=x", "has the option 'sslcert'"),
    ],
)
def test_a_bad_database_address_is_refused_without_its_password(
    load: Load, address: str, mistake: str
) -> None:
    """One line that names the variable and what is wrong."""
    (line,) = mistakes(load, DATABASE_URL=address)
    assert line.startswith(f"DATABASE_URL: {mistake}")
    assert "hunter2" not in line


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        (
            "GATEWAY_PORT",
            "http",
            (
                "GATEWAY_PORT: input should be a valid integer, "
                "unable to parse string as an integer (it is 'http')"
            ),
        ),
        (
            "GATEWAY_PORT",
            "65536",
            "GATEWAY_PORT: input should be less than or equal to 65535 (it is '65536')",
        ),
        (
            "DATABASE_POOL_SIZE",
            "0",
            "DATABASE_POOL_SIZE: input should be greater than or equal to 1 (it is '0')",
        ),
        (
            "GATEWAY_LOG_LEVEL",
            "loud",
            (
                "GATEWAY_LOG_LEVEL: input should be 'debug', 'info', 'warning' or 'error' "
                "(it is 'loud')"
            ),
        ),
        (
            "GATEWAY_CORS_ORIGINS",
            "app.example.com",
            "GATEWAY_CORS_ORIGINS: must be origins such as https://app.example.com, without a path",
        ),
        (
            "GATEWAY_AUTH_SHARED_SECRET",
            "hunter2",
            "GATEWAY_AUTH_SHARED_SECRET: has 7 bytes, at least 32 needed",
        ),
        (
            "GATEWAY_AUTH_SHARED_SECRET",
            "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
            "GATEWAY_AUTH_SHARED_SECRET: is a key pair's key; publish it as a JWKS instead",
        ),
    ],
)
def test_a_bad_value_is_refused_in_one_line(load: Load, name: str, value: str, line: str) -> None:
    """It names the variable and what is wrong."""
    assert mistakes(load, **{name: value}) == [line]


def test_each_bad_value_has_its_line(load: Load) -> None:
    """An operator mends them at once, not one by one."""
    lines = mistakes(load, GATEWAY_PORT="x", GATEWAY_WORKERS="0", GATEWAY_METRICS="perhaps")
    names = [line.split(":")[0] for line in lines]
    assert names == ["GATEWAY_PORT", "GATEWAY_WORKERS", "GATEWAY_METRICS"]


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("GATEWAY_PROT", "GATEWAY_PROT: unknown setting, did you mean GATEWAY_PORT?"),
        ("GATEWAY_LIMITS_DEPTH", "GATEWAY_LIMITS_DEPTH: unknown setting, did you mean "),
        ("GATEWAY_DATABASE_URL", "GATEWAY_DATABASE_URL: unknown setting, did you mean DATABASE_"),
        ("GATEWAY_FAVOURITE_COLOUR", "GATEWAY_FAVOURITE_COLOUR: unknown setting"),
    ],
)
def test_an_unknown_variable_is_refused(load: Load, name: str, line: str) -> None:
    """A misspelt limit is never a limit that does not hold."""
    (said,) = mistakes(load, **{name: "1"})
    assert said.startswith(line)


def test_tokens_are_verified_in_one_way(load: Load) -> None:
    """By the shared secret or by the key set."""
    lines = mistakes(load, GATEWAY_AUTH_SHARED_SECRET=SECRET, **KEY_SET)
    assert lines == ["GATEWAY_AUTH_SHARED_SECRET, GATEWAY_AUTH_JWKS_URL: set one of them, not both"]


@pytest.mark.parametrize("name", ["GATEWAY_AUTH_ISSUER", "GATEWAY_AUTH_AUDIENCE"])
def test_a_key_set_needs_an_issuer_and_an_audience(load: Load, name: str) -> None:
    """Its keys sign for other applications too."""
    assert load(**KEY_SET).auth_jwks_url == KEY_SET["GATEWAY_AUTH_JWKS_URL"]
    assert mistakes(load, **(KEY_SET | {name: ""})) == [f"{name}: required with a key set"]


@pytest.mark.parametrize(
    ("address", "mistake"),
    [
        ("http://issuer.example.com/jwks", "must begin with https://"),
        ("file:///etc/passwd", "must begin with https://"),
        ("https://", "must begin with https://"),
        ("https://ada:hunter2@issuer.example.com/jwks", "must not carry a user or password"),
    ],
)
def test_keys_come_over_a_safe_way(load: Load, address: str, mistake: str) -> None:
    """Whoever can change them on the way can be anybody; this machine's loopback is safe."""
    (line,) = mistakes(load, **(KEY_SET | {"GATEWAY_AUTH_JWKS_URL": address}))
    assert line.startswith(f"GATEWAY_AUTH_JWKS_URL: {mistake}")
    assert "hunter2" not in line
    assert load(**(KEY_SET | {"GATEWAY_AUTH_JWKS_URL": "http://127.0.0.1:8080/jwks"}))


@pytest.mark.parametrize("words", ["HS256", "RS256,HS256", "none", "RS256,none", ","])
def test_a_key_set_verifies_with_asymmetric_algorithms_only(load: Load, words: str) -> None:
    """With a symmetric one, everybody who reads the public key could sign."""
    (line,) = mistakes(load, GATEWAY_AUTH_JWKS_ALGORITHMS=words)
    assert line.startswith("GATEWAY_AUTH_JWKS_ALGORITHMS: must be some of RS256, ")


def test_secrets_are_never_shown(load: Load) -> None:
    """Neither by repr nor by str nor in JSON."""
    read = load(GATEWAY_AUTH_SHARED_SECRET=SECRET, DATABASE_URL="postgresql://ada:hunter2@db/b")
    for shown in (repr(read), str(read), read.model_dump_json()):
        assert SECRET not in shown
        assert "hunter2" not in shown


def test_every_setting_says_what_it_does() -> None:
    """In a sentence, and every number of seconds or bytes says its unit."""
    for name, field in Settings.model_fields.items():
        assert field.description is not None, name
        assert field.description.endswith("."), name
        assert "|" not in field.description, name
    rows = environment.table().splitlines()
    assert len(rows) == len(Settings.model_fields) + 2
    assert "| `GATEWAY_PORT` | `8000` | The port to listen on; 0 takes a free one. |" in rows


def _address(read: Settings) -> str:
    assert read.database_url is not None
    return read.database_url.get_secret_value()
