"""An issuer of tokens on loopback: real keys, a real HTTP server, outages on demand."""

import json
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from gateway.settings import Settings

NAME = "https://issuer.example.com/"
AUDIENCE = "billing"

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class SigningKey:
    """A private key, the id it is published under and what it signs with."""

    key_id: str | None
    algorithm: str
    private: PrivateKey

    def sign(self, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """Return a token that is right in every claim which `claims` does not change or drop."""
        known = {"sub": "ada", "exp": int(time.time()) + 600, "iss": NAME, "aud": AUDIENCE}
        kept = {name: value for name, value in (known | claims).items() if value is not ...}
        key_id = {} if self.key_id is None else {"kid": self.key_id}
        return jwt.encode(
            kept, self.private, algorithm=self.algorithm, headers=key_id | (headers or {})
        )

    def published(self, **members: Any) -> dict[str, Any]:
        """Return the public key as a JWK; a member that is `...` is left out."""
        public = self.private.public_key()
        if isinstance(public, rsa.RSAPublicKey):
            jwk = RSAAlgorithm.to_jwk(public, as_dict=True)
        elif isinstance(public, ec.EllipticCurvePublicKey):
            jwk = ECAlgorithm.to_jwk(public, as_dict=True)
        else:
            jwk = OKPAlgorithm.to_jwk(public, as_dict=True)
        whole = jwk | {"kid": self.key_id, "use": "sig", "alg": self.algorithm} | members
        whole.pop("key_ops", None)
        return {name: value for name, value in whole.items() if value is not ...}


def rsa_key(key_id: str | None = "rsa", algorithm: str = "RS256", bits: int = 2048) -> SigningKey:
    """Return a new RSA key."""
    private = rsa.generate_private_key(public_exponent=65537, key_size=bits)
    return SigningKey(key_id, algorithm, private)


def ec_key(key_id: str | None = "ec") -> SigningKey:
    """Return a new key on P-256."""
    return SigningKey(key_id, "ES256", ec.generate_private_key(ec.SECP256R1()))


def ed25519_key(key_id: str | None = "ed") -> SigningKey:
    """Return a new Ed25519 key."""
    return SigningKey(key_id, "EdDSA", ed25519.Ed25519PrivateKey.generate())


@dataclass
class Issuer:
    """Serves its key set; what it answers can be changed while it runs."""

    document: Any = None
    body: bytes | None = None
    status: int = 200
    requests: list[str] = field(default_factory=list)
    may_answer: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        """Start to listen on a free port of loopback."""
        self.may_answer.set()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Answer what is waiting, and stop."""
        self.may_answer.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """The key set's address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/jwks.json"

    def publish(self, *jwks: dict[str, Any]) -> None:
        """Replace the key set."""
        self.document = {"keys": list(jwks)}

    def settings(self, **changes: Any) -> Settings:
        """Return settings that trust this issuer."""
        known: dict[str, Any] = {
            "auth_jwks_url": self.url,
            "auth_issuer": NAME,
            "auth_audience": AUDIENCE,
        }
        return Settings(**(known | changes))


def _handler(issuer: Issuer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.requests.append(self.path)
            issuer.may_answer.wait()
            body = issuer.body if issuer.body is not None else json.dumps(issuer.document).encode()
            self.send_response(issuer.status)
            self.send_header("Content-Type", "application/jwk-set+json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler
