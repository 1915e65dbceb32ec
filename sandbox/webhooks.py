"""Webhook endpoints, and the courier that delivers signed events to them, or loses them."""

import asyncio
import hashlib
import hmac
import json
import random
import time
from dataclasses import dataclass, field

import httpx

from sandbox import blanks, errors, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

RETRY_SECONDS = (1.0, 5.0, 30.0, 120.0, 600.0)
TIMEOUT_SECONDS = 20.0
PARALLEL = 4
JITTER_SECONDS = 0.05

UPDATE: forms.Shape = forms.EXPAND | {
    "description": forms.blankable(forms.text),
    "disabled": forms.boolean,
    "enabled_events": forms.listed(forms.text),
    "metadata": forms.metadata,
    "url": forms.url,
}
CREATE: forms.Shape = forms.EXPAND | {
    "api_version": forms.text,
    "description": forms.blankable(forms.text),
    "enabled_events": forms.Required(forms.listed(forms.text)),
    "metadata": forms.metadata,
    "url": forms.Required(forms.url),
}
LIST = forms.PAGE


def create(account: Account, params: Object, *, secret: str | None = None) -> Object:
    """Create an endpoint; only this answer tells its secret."""
    _guard(params)
    endpoint = blanks.new(
        "webhook_endpoint",
        id=store.new_id(account, "we"),
        api_version=params.get("api_version"),
        created=account.now(),
        description=params.get("description"),
        enabled_events=params["enabled_events"],
        metadata=forms.merged({}, params.get("metadata", {})),
        url=params["url"],
    )
    store.add(account, endpoint)
    secret = secret or store.new_id(account, "whsec", length=32)
    store.secret(account, endpoint["id"])["secret"] = secret
    return endpoint | {"secret": secret}


def update(account: Account, params: Object, webhook_endpoint: str) -> Object:
    """Change an endpoint."""
    found = store.get(account, "webhook_endpoint", webhook_endpoint)
    _guard(params)
    for name in ("description", "enabled_events", "url"):
        if name in params:
            found[name] = params[name]
    found["metadata"] = forms.merged(found["metadata"], params.get("metadata", {}))
    if "disabled" in params:
        found["status"] = "disabled" if params["disabled"] else "enabled"
    return found


def retrieve(account: Account, params: Object, webhook_endpoint: str) -> Object:
    """Return an endpoint, without its secret."""
    del params
    return store.get(account, "webhook_endpoint", webhook_endpoint)


def delete(account: Account, params: Object, webhook_endpoint: str) -> Object:
    """Delete an endpoint."""
    del params
    store.get(account, "webhook_endpoint", webhook_endpoint)
    del store.table(account, "webhook_endpoint")[webhook_endpoint]
    return {"id": webhook_endpoint, "object": "webhook_endpoint", "deleted": True}


def listing(account: Account, params: Object) -> Object:
    """List endpoints, newest first."""
    return lists.page(account, "webhook_endpoint", params, "/v1/webhook_endpoints")


def sign(body: str, secret: str, at: int) -> str:
    """Return the `Stripe-Signature` of a body sent at a time."""
    digest = hmac.new(secret.encode(), f"{at}.{body}".encode(), hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


@dataclass
class Chaos:
    """What may happen to deliveries: fractions are probabilities from 0 to 1.

    A dropped delivery is lost for good, a duplicated one arrives twice, a shuffled one waits a
    random moment so that others overtake it; with `hold` all wait until they are let go.
    """

    duplicate: float = 0.0
    drop: float = 0.0
    shuffle: bool = False
    hold: bool = False
    parallel: int = PARALLEL


@dataclass
class Courier:
    """Delivers each event to each endpoint that wants it, again and again until one accepts."""

    account: Account
    retry_seconds: tuple[float, ...] = RETRY_SECONDS
    chaos: Chaos = field(default_factory=Chaos)
    held: list[tuple[str, str]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    outstanding: int = 0

    def __post_init__(self) -> None:
        self._begin_anew()
        self.idle = asyncio.Event()
        self.idle.set()
        self.posts: set[asyncio.Task[None]] = set()
        self.gate = asyncio.Semaphore(self.chaos.parallel)
        self.client = httpx.AsyncClient(timeout=TIMEOUT_SECONDS, trust_env=False)
        self.account.listeners.append(self.take)

    def take(self, event: Object) -> None:
        """Take an event on, for each endpoint that wants it."""
        for endpoint in store.table(self.account, "webhook_endpoint").values():
            wanted = endpoint["enabled_events"]
            if endpoint["status"] == "enabled" and (event["type"] in wanted or "*" in wanted):
                event["pending_webhooks"] += 1
                self._dispatch(event["id"], endpoint["id"])

    def behave(self, chaos: Chaos) -> None:
        """Deliver as told from now on; what was held goes out when it need not wait any more."""
        if chaos.parallel != self.chaos.parallel:
            self.gate = asyncio.Semaphore(chaos.parallel)
        self.chaos = chaos
        if not chaos.hold:
            self.flush()

    def flush(self) -> int:
        """Let go of what is held, shuffled if so told; return how many deliveries that were."""
        released, self.held = self.held, []
        if self.chaos.shuffle:
            self.chance.shuffle(released)
        for event, endpoint in released:
            self._send(event, endpoint)
        return len(released)

    async def close(self) -> None:
        """Stop delivering."""
        for post in self.posts:
            post.cancel()
        await asyncio.gather(*self.posts, return_exceptions=True)
        await self.client.aclose()

    async def forget(self) -> None:
        """Give up everything that is not delivered yet, and behave as at the start."""
        for post in self.posts:
            post.cancel()
        await asyncio.gather(*self.posts, return_exceptions=True)
        self.held.clear()
        self.counts.clear()
        self.behave(Chaos())
        self._begin_anew()

    def _begin_anew(self) -> None:
        """Let the same seed bring about the same chaos again."""
        self.chance = random.Random(self.account.seed)  # noqa: S311 - repeatable, not secret

    def _dispatch(self, event: str, endpoint: str) -> None:
        if self.chance.random() < self.chaos.drop:
            self._count("dropped")
            self._arrived(event)
            return
        copies = 2 if self.chance.random() < self.chaos.duplicate else 1
        for _ in range(copies):
            if self.chaos.hold:
                self.held.append((event, endpoint))
            else:
                self._send(event, endpoint)
        if copies > 1:
            self._count("duplicated")

    def _send(self, event: str, endpoint: str) -> None:
        self.outstanding += 1
        self.idle.clear()
        post = asyncio.get_running_loop().create_task(self._deliver(event, endpoint))
        self.posts.add(post)
        post.add_done_callback(self._ended)

    def _ended(self, post: asyncio.Task[None]) -> None:
        self.posts.discard(post)
        self.outstanding -= 1
        if self.outstanding == 0:
            self.idle.set()

    async def _deliver(self, event: str, endpoint: str) -> None:
        if self.chaos.shuffle:
            await asyncio.sleep(self.chance.random() * JITTER_SECONDS)
        for pause in (*self.retry_seconds, None):
            if await self._post(event, endpoint):
                self._count("delivered")
                self._arrived(event)
                return
            self._count("refused")
            if pause is not None:
                await asyncio.sleep(pause)
        store.secret(self.account, event)["failed"] = True
        self._count("failed")
        self._arrived(event)

    async def _post(self, name: str, endpoint: str) -> bool:
        event = store.table(self.account, "event").get(name)
        target = store.table(self.account, "webhook_endpoint").get(endpoint)
        if event is None or target is None:
            return True
        body = json.dumps(event, indent=2)
        secret = store.secret(self.account, endpoint)["secret"]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": sign(body, secret, int(time.time())),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        async with self.gate:
            try:
                answer = await self.client.post(target["url"], content=body, headers=headers)
            except (httpx.HTTPError, AttributeError):
                # The latter is anyio's word for an end that is reset as soon as it is connected.
                return False
        return answer.is_success

    def _arrived(self, name: str) -> None:
        event = store.table(self.account, "event").get(name)
        if event is not None and event["pending_webhooks"] > 0:
            event["pending_webhooks"] -= 1

    def _count(self, outcome: str) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + 1


def _guard(params: Object) -> None:
    version = params.get("api_version", store.API_VERSION)
    if version != store.API_VERSION:
        message = f"The sandbox sends events of API version {store.API_VERSION} only."
        raise errors.invalid_request(message, param="api_version")
    if params.get("enabled_events") == []:
        message = "You must provide at least one event type."
        raise errors.invalid_request(message, param="enabled_events")
