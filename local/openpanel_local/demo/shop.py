"""The shop that the visitors walk through: its pages, its goods and its articles."""

from dataclasses import dataclass
from typing import Final

NAME: Final = "Northwind Home"


@dataclass(frozen=True, slots=True)
class Product:
    """Something to buy; the price is in cents."""

    slug: str
    title: str
    category: str
    price: int
    weight: float


@dataclass(frozen=True, slots=True)
class Page:
    """An address within the shop and its title."""

    path: str
    title: str


PRODUCTS: Final = (
    Product("arc-floor-lamp", "Arc Floor Lamp", "lighting", 18900, 7),
    Product("brass-desk-lamp", "Brass Desk Lamp", "lighting", 8900, 9),
    Product("paper-pendant", "Paper Pendant", "lighting", 4900, 6),
    Product("oak-side-table", "Oak Side Table", "furniture", 14900, 6),
    Product("walnut-bookshelf", "Walnut Bookshelf", "furniture", 42900, 3),
    Product("linen-armchair", "Linen Armchair", "furniture", 54900, 4),
    Product("wool-throw", "Wool Throw", "textiles", 7900, 8),
    Product("linen-bedding", "Linen Bedding Set", "textiles", 16900, 7),
    Product("cotton-towels", "Cotton Towels, Set of 4", "textiles", 3900, 5),
    Product("stoneware-mugs", "Stoneware Mugs, Set of 2", "kitchen", 2900, 10),
    Product("carafe", "Glass Carafe", "kitchen", 3400, 4),
    Product("cast-iron-pan", "Cast Iron Pan", "kitchen", 6900, 6),
)
CATEGORIES: Final = {
    "lighting": "Lighting", "furniture": "Furniture", "textiles": "Textiles", "kitchen": "Kitchen",
}  # fmt: skip
ARTICLES: Final = (
    Page("/blog/how-to-choose-a-desk-lamp", "How to choose a desk lamp"),
    Page("/blog/small-flats-large-rooms", "Small flats, large rooms"),
    Page("/blog/caring-for-linen", "Caring for linen"),
    Page("/blog/cast-iron-for-life", "Cast iron for life"),
)
OUTGOING: Final = (
    ("https://www.instagram.com/northwindhome/", "Instagram"),
    ("https://www.pinterest.com/northwindhome/", "Pinterest"),
    ("https://maps.google.com/?q=Northwind+Home", "Our showroom"),
)
SEARCHES: Final = ("lamp", "linen", "mug", "bookshelf", "gift", "towels", "pan", "oak")
COMPANIES: Final = (
    ("halden-studio", "Halden Studio"), ("mori-architects", "Mori Architects"), ("lune-hotels", "Lune Hotels"),
    ("fjord-coffee", "Fjord Coffee"), ("atelier-nord", "Atelier Nord"), ("common-desk", "Common Desk"),
)  # fmt: skip

HOME: Final = Page("/", NAME)
CART: Final = Page("/cart", "Cart")
CHECKOUT: Final = Page("/checkout", "Checkout")
THANKS: Final = Page("/checkout/thank-you", "Thank you")
ACCOUNT: Final = Page("/account", "Your account")
SIGN_UP: Final = Page("/account/sign-up", "Create an account")


def product_page(product: Product) -> Page:
    return Page(f"/products/{product.slug}", product.title)


def category_page(category: str) -> Page:
    return Page(f"/collections/{category}", CATEGORIES[category])


def titled(page: Page) -> str:
    """What stands in the browser's tab."""
    return page.title if page is HOME else f"{page.title} · {NAME}"
