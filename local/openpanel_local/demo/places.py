"""Where the visitors live: countries with cities and with networks that the country tables place there."""

from dataclasses import dataclass
from random import Random
from typing import Final

from openpanel_local.demo.chance import pick


@dataclass(frozen=True, slots=True)
class City:
    """A city with the region and coordinates that city files give it."""

    name: str
    region: str
    longitude: float
    latitude: float
    weight: float


@dataclass(frozen=True, slots=True)
class Country:
    """A country by its ISO code; `networks` are the first two bytes of access networks of large providers."""

    code: str
    weight: float
    networks: tuple[str, ...]
    cities: tuple[City, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one visitor is."""

    country: str
    city: City
    address: str


COUNTRIES: Final = (
    Country("US", 28, ("24.16", "24.34", "73.32", "98.192", "71.192", "107.3", "68.80", "76.112"), (
        City("New York", "New York", -74.006, 40.7128, 5), City("Los Angeles", "California", -118.2437, 34.0522, 4),
        City("Chicago", "Illinois", -87.6298, 41.8781, 3), City("Austin", "Texas", -97.7431, 30.2672, 2),
        City("Seattle", "Washington", -122.3321, 47.6062, 2),
    )),
    Country("DE", 12, ("91.0", "91.32", "84.136", "87.160", "93.192", "79.208"), (
        City("Berlin", "Berlin", 13.405, 52.52, 4), City("Munich", "Bavaria", 11.582, 48.1351, 3),
        City("Hamburg", "Hamburg", 9.9937, 53.5511, 2), City("Leipzig", "Saxony", 12.3731, 51.3397, 1),
    )),
    Country("GB", 11, ("86.128", "86.160", "81.128", "109.144", "90.192"), (
        City("London", "England", -0.1276, 51.5072, 6), City("Manchester", "England", -2.2426, 53.4808, 2),
        City("Edinburgh", "Scotland", -3.1883, 55.9533, 1),
    )),
    Country("KR", 9, ("121.128", "211.106", "218.144", "175.192", "58.120", "112.144"), (
        City("Seoul", "Seoul", 126.978, 37.5665, 6), City("Busan", "Busan", 129.0756, 35.1796, 2),
        City("Suwon", "Gyeonggi-do", 127.0286, 37.2636, 1),
    )),
    Country("FR", 7, ("90.0", "90.60", "86.192", "92.128", "78.192"), (
        City("Paris", "Île-de-France", 2.3522, 48.8566, 5),
        City("Lyon", "Auvergne-Rhône-Alpes", 4.8357, 45.764, 2),
    )),
    Country("JP", 6, ("126.0", "126.64", "133.200", "219.96", "153.128"), (
        City("Tokyo", "Tokyo", 139.6917, 35.6895, 5), City("Osaka", "Osaka", 135.5023, 34.6937, 2),
    )),
    Country("CA", 5, ("70.24", "99.224", "174.88", "24.64"), (
        City("Toronto", "Ontario", -79.3832, 43.6532, 4), City("Vancouver", "British Columbia", -123.1207, 49.2827, 2),
        City("Montreal", "Quebec", -73.5673, 45.5019, 2),
    )),
    Country("NL", 5, ("84.24", "77.160", "82.72", "83.80"), (
        City("Amsterdam", "North Holland", 4.9041, 52.3676, 4), City("Utrecht", "Utrecht", 5.1214, 52.0907, 1),
    )),
    Country("IN", 4, ("117.192", "49.32", "106.192", "122.160"), (
        City("Bengaluru", "Karnataka", 77.5946, 12.9716, 4), City("Mumbai", "Maharashtra", 72.8777, 19.076, 3),
    )),
    Country("BR", 3, ("177.32", "189.0", "179.96", "201.0"), (
        City("São Paulo", "São Paulo", -46.6333, -23.5505, 4), City("Recife", "Pernambuco", -34.877, -8.0476, 1),
    )),
    Country("AU", 3, ("1.120", "101.160", "110.144", "120.144"), (
        City("Sydney", "New South Wales", 151.2093, -33.8688, 3), City("Melbourne", "Victoria", 144.9631, -37.8136, 2),
    )),
    Country("ES", 3, ("83.32", "80.24", "88.0"), (
        City("Madrid", "Madrid", -3.7038, 40.4168, 3), City("Barcelona", "Catalonia", 2.1734, 41.3851, 2),
    )),
    Country("SE", 2, ("78.64", "90.224", "81.224"), (City("Stockholm", "Stockholm", 18.0686, 59.3293, 1),)),
    Country("PL", 2, ("83.0", "79.184", "83.20"), (
        City("Warsaw", "Mazovia", 21.0122, 52.2297, 2), City("Kraków", "Lesser Poland", 19.945, 50.0647, 1),
    )),
)  # fmt: skip


def place(chance: Random) -> Place:
    """Where somebody lives."""
    country = pick(COUNTRIES, chance)
    network = chance.choice(country.networks)
    address = f"{network}.{chance.randrange(256)}.{chance.randrange(1, 255)}"
    return Place(country.code, pick(country.cities, chance), address)
