"""What somebody pastes to send the first event."""

from dataclasses import replace

from openpanel_dashboard import languages
from openpanel_dashboard.onboarding import waiting
from tests.dashboard.conftest import World

ENGLISH = languages.load()["en"]


def test_snippet_cannot_be_broken_out_of(world: World) -> None:
    told = waiting(
        world.database, project=world.fresh, ingest_url='http://x"</script><script>', language=ENGLISH
    )

    assert told.snippet.count("</script>") == 2
    assert told.snippet.count("<script") == 2


def test_command_comes_from_an_origin_that_is_allowed(world: World) -> None:
    wild = waiting(world.database, project=world.shop, ingest_url="http://ingest", language=ENGLISH)
    none = replace(world.shop, cors=())

    assert "-H 'origin: https://shop.example.com'" in wild.command
    assert wild.origins == "https://*.shop.example.com, https://shop.example.com"
    assert (
        waiting(world.database, project=none, ingest_url="http://i", language=ENGLISH).origins
        == "none is set"
    )
