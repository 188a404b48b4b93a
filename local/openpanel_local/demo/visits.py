"""One visit: from the page it begins on, through the shop, to where it breaks off or ends in an order."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Final

from openpanel_local.demo import shop
from openpanel_local.demo.chance import pick
from openpanel_local.demo.people import Account, Person
from openpanel_local.demo.shop import Page, Product
from openpanel_local.demo.sources import Source

LONGEST_LOOK_MS: Final = 12 * 60 * 1_000  # well below the silence that ends a session
LOOK_MU, LOOK_SIGMA = 3.2, 0.9  # of the logarithm of seconds on a page: median 25 s
HASTE: Final = 0.7  # time that people take on phones, as a share of the others'

LOOKS_ON: Final = 0.74  # after each page, unless the visit bounced
SEARCHES: Final = 0.09
LEAVES_BY_LINK: Final = 0.03
# The funnel, each as a share of those who came that far.
ADDS: Final = 0.11
OPENS_CART: Final = 0.72
CHECKS_OUT: Final = 0.54
PAYS: Final = 0.62
SHIPPING: Final = 590  # cents
FREE_FROM: Final = 10_000  # cents


@dataclass(frozen=True, slots=True)
class Visit:
    """Who comes, when, and from where."""

    person: Person
    index: int
    start_ms: int
    source: Source


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happens. `page` is where; `query` and `referrer` belong to the first page only."""

    name: str
    at_ms: int
    page: Page
    query: str = ""
    referrer: str = ""
    properties: dict[str, str | int] = field(default_factory=dict)
    revenue: int | None = None  # cents
    account: Account | None = None


def walk(visit: Visit, chance: Random) -> Iterator[Event]:
    """The events of a visit in order."""
    return _Walk(visit, chance).events()


class _Walk:
    def __init__(self, visit: Visit, chance: Random) -> None:
        self.visit = visit
        self.chance = chance
        self.at_ms = visit.start_ms
        self.account = visit.person.account_at(visit.index)
        self.page = shop.HOME
        self.cart: list[Product] = []

    def events(self) -> Iterator[Event]:
        product = self._favourite()
        self.page = self._landing(product)
        source = self.visit.source
        yield self._event("screen_view", query=source.query, referrer=source.referrer)
        if self._happens(source.bounce + (0.05 if self.visit.person.machine.mobile else 0)):
            return
        yield from self._account_made()
        while True:
            yield from self._look(product)
            if self._happens(ADDS * source.intent) and self.page.path.startswith("/products/"):
                yield from self._add(product)
            if not self._happens(LOOKS_ON):
                break
            product = self._favourite()
        if self.cart and self._happens(OPENS_CART):
            yield from self._buy()
        elif self._happens(LEAVES_BY_LINK):
            href, text = self.chance.choice(shop.OUTGOING)
            yield self._after("link_out", href=href, text=text)

    def _landing(self, product: Product) -> Page:
        kinds = ("home", "product", "category", "blog")
        kind = self.visit.source.landing
        if kind == "any":
            kind = self.chance.choices(kinds, weights=(35, 30, 20, 15))[0]
        return {
            "home": shop.HOME,
            "product": shop.product_page(product),
            "category": shop.category_page(product.category),
            "blog": self.chance.choice(shop.ARTICLES),
        }[kind]

    def _look(self, product: Product) -> Iterator[Event]:
        """Towards a product, by search or by its category, and onto its page."""
        if self._happens(SEARCHES):
            found = self.chance.randrange(0, 9)
            yield self._after("search", query=self.chance.choice(shop.SEARCHES), results=found)
        elif self._happens(0.5):
            yield self._open(shop.category_page(product.category))
        if self._happens(0.8):
            yield self._open(shop.product_page(product))

    def _add(self, product: Product) -> Iterator[Event]:
        self.cart.append(product)
        yield self._after(
            "add_to_cart", product=product.slug, category=product.category, price=product.price, quantity=1
        )

    def _buy(self) -> Iterator[Event]:
        yield self._open(shop.CART)
        if not self._happens(CHECKS_OUT):
            return
        goods = sum(product.price for product in self.cart)
        yield self._open(shop.CHECKOUT)
        yield self._after("checkout_started", items=len(self.cart), value=goods)
        if not self._happens(PAYS):
            return
        total = goods + (0 if goods >= FREE_FROM else SHIPPING)
        order = f"NW-{self.visit.person.number:05d}-{self.visit.index:02d}"
        yield self._open(shop.THANKS)
        yield self._after("revenue", revenue=total, order=order, items=len(self.cart), currency="EUR")

    def _account_made(self) -> Iterator[Event]:
        account = self.visit.person.account
        if account is None or account.from_visit != self.visit.index:
            return
        yield self._open(shop.SIGN_UP)
        self.account = account
        yield self._after("sign_up", method=self.chance.choice(("email", "google", "apple")))
        yield self._open(shop.ACCOUNT)

    def _open(self, page: Page) -> Event:
        self._pass_time()
        self.page = page
        return self._event("screen_view")

    def _after(self, name: str, *, revenue: int | None = None, **properties: str | int) -> Event:
        self._pass_time(share=0.4)
        return self._event(name, revenue=revenue, properties=properties)

    def _event(
        self,
        name: str,
        *,
        query: str = "",
        referrer: str = "",
        revenue: int | None = None,
        properties: dict[str, str | int] | None = None,
    ) -> Event:
        return Event(
            name, self.at_ms, self.page, query, referrer, properties or {}, revenue, self.account
        )  # fmt: skip

    def _pass_time(self, *, share: float = 1.0) -> None:
        haste = HASTE if self.visit.person.machine.mobile else 1.0
        look_ms = int(self.chance.lognormvariate(LOOK_MU, LOOK_SIGMA) * 1_000 * haste * share)
        self.at_ms += min(max(look_ms, 900), LONGEST_LOOK_MS)

    def _favourite(self) -> Product:
        return pick(shop.PRODUCTS, self.chance)

    def _happens(self, likelihood: float) -> bool:
        return self.chance.random() < likelihood
