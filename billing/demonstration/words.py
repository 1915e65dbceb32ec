"""What people of the demo talk about: titles, addresses, names of keys."""

from random import Random

from models.ledger import UsageKind

_LONG_TITLE = (
    "Everything that we said about the new range, from the first sketch on the train to Malmö to "
    "the last correction before it went to print, with all the names that we did not choose and "
    "why, the three colours that the mill could not dye, and the letter to the customers who had "
    "waited since spring"
)
ODD_TITLES = (
    '<b>Bold</b> ideas & <script>alert("hello")</script>',
    "🚀 Launch party 🎉 invitations 👩‍👩‍👧",
    _LONG_TITLE,
    "100% cotton_shirt \\ summer sale",
    "新商品の紹介文を考える",
    "خطة إطلاق المنتج الجديد",
    "Übergrößen für das Straßenfest",
    "План рассылки на декабрь",
)
"""Titles that a page must show as they are."""

ODD_URLS = (
    "javascript:alert(document.domain)",
    "http://shop.example/old?catalogue=1&page=2#top",
)
"""Addresses that a page must not link, or not trust."""

API_KEY_NAMES = ("Production server", "Zapier", "Build pipeline", "An old laptop")
"""The names of a workspace's API keys; the last one is revoked."""

_VERBS = ("Draft", "Rewrite", "Plan", "Summarise", "Translate", "Compare", "Name", "Outline")
_TEXTS = (
    "the newsletter",
    "a product page",
    "three slogans",
    "the press release",
    "an interview",
    "the care instructions",
    "a returns policy",
    "the size guide",
    "a holiday greeting",
    "the photo captions",
)
_PICTURES = ("Moodboard", "Packshot", "Banner", "Lookbook cover", "Icon set", "Pattern")
_FILMS = ("Teaser", "Product film", "Behind the scenes", "Story reel")
_SUBJECTS = (
    "the linen collection",
    "Copenhagen",
    "the autumn catalogue",
    "wool socks",
    "the wedding season",
    "the flagship store",
    "São Paulo",
    "a café in Łódź",
    "the anniversary",
    "ceramic mugs",
    "the trade fair",
    "returning customers",
)
_HOSTS = ("northwind", "lumiere", "tanaka", "atelier-munk", "fjordwool", "claypot", "papier")
_PRODUCTS = ("linen-shirt", "wool-socks", "mug-no-4", "tote-bag", "notebook-a5", "rain-coat")


def title(random: Random, kind: UsageKind) -> str:
    """Return what a conversation that begins with this kind of usage is called."""
    subject = _SUBJECTS[int(random.random() * len(_SUBJECTS))]
    if kind is UsageKind.IMAGE_GENERATION:
        return f"{random.choice(_PICTURES)}: {subject}"
    if kind is UsageKind.VIDEO_GENERATION:
        return f"{random.choice(_FILMS)}: {subject}"
    verb = _VERBS[int(random.random() * len(_VERBS))]
    text = _TEXTS[int(random.random() * len(_TEXTS))]
    return f"{verb} {text} for {subject}"


def brand_url(random: Random) -> str:
    """Return the address of a brand's site."""
    return f"https://www.{random.choice(_HOSTS)}.example/"


def product_url(random: Random) -> str:
    """Return the address of a product's page."""
    item = random.randrange(1_000, 10_000)
    return f"https://{random.choice(_HOSTS)}.example/products/{random.choice(_PRODUCTS)}-{item}"
