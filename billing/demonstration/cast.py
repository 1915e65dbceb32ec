"""Who is in the demo: three people whom its tokens name, and those whom they work with."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from uuid import UUID

from billing.demonstration import ids
from models.workspace import Role

SUBJECTS = {Role.OWNER: "demo-owner", Role.ADMIN: "demo-admin", Role.MEMBER: "demo-member"}
"""The subject of each token; its person has that role in every workspace of the demo."""

NAMES = {
    Role.OWNER: "Olivia Bennett",
    Role.ADMIN: "Amir Haddad",
    Role.MEMBER: "Mei Lindqvist",
}
"""What those people are called."""

_OTHERS = (
    ("zoe.akesson", "Zoë Åkesson"),
    ("jose.munoz", "José Muñoz Íñiguez"),
    ("hanh.nguyen", "Nguyễn Thị Hạnh"),
    ("taro.yamada", "山田 太郎"),
    ("anna.smirnova", "Анна Смирнова"),
    ("eleni.papa", "Ελένη Παπαδοπούλου"),
    ("m.alfarsi", "محمد الفارسي"),
    ("deepa.sharma", "दीपा शर्मा"),
    ("seoyeon.kim", "김서연"),
    ("siobhan.obrien", "Siobhán O'Brien"),
    ("lukasz.wojcik", "Łukasz Wójcik"),
    ("chidi.okafor", "Chidi Okafor"),
    ("bjorn.thorsson", "Bjørn Þórsson"),
)
_LEAVER = 4  # of the others in a workspace, each fourth has left it


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody, in any of the workspaces."""

    id: UUID
    subject: str
    name: str
    created_at: datetime

    @property
    def email(self) -> str:
        """Where their mail would go."""
        return email(self.subject)


@dataclass(frozen=True, slots=True)
class Member:
    """Somebody in a workspace, until they leave it."""

    person: Person
    role: Role
    joined_at: datetime
    left_at: datetime | None = None


def email(subject: str) -> str:
    """Return where the mail of the person with that subject would go."""
    return f"{subject}@example.com"


def people(random: Random, *, at: datetime) -> list[Person]:
    """Return everybody, those whom the tokens name first."""
    named = [(SUBJECTS[role], name) for role, name in NAMES.items()] + list(_OTHERS)
    return [Person(ids.at(random, at), subject, name, at) for subject, name in named]


def members(
    random: Random, everybody: Sequence[Person], *, others: int, created_at: datetime, now: datetime
) -> list[Member]:
    """Return the members of a workspace: owner, admin and member, and so many of the others."""
    leading, rest = everybody[: len(SUBJECTS)], everybody[len(SUBJECTS) :]
    chosen = [
        Member(person, role, created_at) for role, person in zip(SUBJECTS, leading, strict=True)
    ]
    age = now - created_at
    for place, person in enumerate(random.sample(rest, others), start=1):
        joined_at = created_at + age * random.random() / 3
        leaves = place % _LEAVER == 0
        left_at = now - age * (0.1 + random.random() / 3) if leaves else None
        role = Role.ADMIN if place == 1 else Role.MEMBER
        chosen.append(Member(person, role, joined_at + timedelta(minutes=place), left_at))
    return chosen
