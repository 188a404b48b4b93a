"""The visitors: where they live, what they use, how often they come, and which of them make an account."""

from dataclasses import dataclass
from typing import Final

from openpanel.identity.ids import hash64, to_hex
from openpanel_local.demo import shop
from openpanel_local.demo.chance import stream
from openpanel_local.demo.machines import Machine, machine
from openpanel_local.demo.places import Place, place

ONCE: Final = 0.56  # share of people who come a single time
COMES_AGAIN: Final = 0.66  # of the others, after each visit
VISITS_MAX: Final = 25
JOINS: Final = 0.11  # share who make an account at some visit
AT_WORK: Final = 0.2  # share of accounts that belong to a company

FIRST_NAMES: Final = (
    "Ada", "Ben", "Chloé", "Daniel", "Elif", "Farid", "Grace", "Hana", "Ivan", "Jisoo", "Karim", "Lena", "Minjun",
    "Nora", "Oskar", "Priya", "Quinn", "Rosa", "Seo-yeon", "Tom", "Uma", "Viktor", "Wren", "Yuki", "Zoe",
)  # fmt: skip
LAST_NAMES: Final = (
    "Andersson", "Brown", "Costa", "Dubois", "Evans", "Fischer", "García", "Hansen", "Ito", "Jansen", "Kim", "Lee",
    "Martin", "Nowak", "Olsen", "Park", "Quist", "Rao", "Silva", "Tanaka", "Weber", "Young",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Account:
    """Somebody known by name; the address is in a domain that can never exist."""

    profile_id: str
    first_name: str
    last_name: str
    email: str
    company: str  # id of the group; '' for private people
    newsletter: bool
    from_visit: int  # the visit, counted from 0, in which it is made


@dataclass(frozen=True, slots=True)
class Person:
    """One visitor."""

    number: int
    place: Place
    machine: Machine
    device: int
    visits: int
    account: Account | None

    @property
    def device_hex(self) -> str:
        return to_hex(self.device)

    def account_at(self, visit: int) -> Account | None:
        """The account that is signed in when this visit begins."""
        return self.account if self.account is not None and visit > self.account.from_visit else None


def person(number: int, *, seed: int, project: str) -> Person:
    """The visitor of that number: always the same one."""
    chance = stream(seed, project, "person", number)
    where = place(chance)
    what = machine(chance, country=where.country)
    visits = 1
    if chance.random() > ONCE:
        visits = 2
        while visits < VISITS_MAX and chance.random() < COMES_AGAIN:
            visits += 1
    joins = chance.random() < JOINS * (1.6 if visits > 1 else 0.4)
    return Person(
        number=number,
        place=where,
        machine=what,
        device=hash64("demo device", str(seed), project, str(number)),
        visits=visits,
        account=_account(number, visits, seed=seed, project=project) if joins else None,
    )


def _account(number: int, visits: int, *, seed: int, project: str) -> Account:
    chance = stream(seed, project, "account", number)
    first, last = chance.choice(FIRST_NAMES), chance.choice(LAST_NAMES)
    company = chance.choice(shop.COMPANIES)[0] if chance.random() < AT_WORK else ""
    mailbox = f"{first}.{last}.{number}".lower().encode("ascii", "ignore").decode()
    return Account(
        profile_id=f"customer-{number + 1:05d}",
        first_name=first,
        last_name=last,
        email=f"{mailbox}@{company or 'mail'}.example",
        company=company,
        newsletter=chance.random() < 0.5,
        from_visit=min(int(chance.random() * 3), visits - 1),
    )
