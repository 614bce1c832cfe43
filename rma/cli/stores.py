"""``rma store`` and ``rma keys``: make a store, and mint keys for it."""

from __future__ import annotations

from typing import Annotated

import typer

from rma.cli import out, places

app = typer.Typer(help="Stores: the shops that everything belongs to.", no_args_is_help=True)
keys = typer.Typer(help="API keys: minted once, shown once.", no_args_is_help=True)


@app.callback()
def _store() -> None:
    """Stores: the shops that everything belongs to."""


@keys.callback()
def _keys() -> None:
    """API keys: minted once, shown once."""


@app.command("add")
def add(
    slug: Annotated[str, typer.Argument(metavar="SLUG", help="Its name in addresses: small letters, digits, hyphens.")],
    *,
    name: Annotated[str, typer.Option(help="Its name for people.")],
    country: Annotated[str, typer.Option(help="ISO 3166-1, two letters: TR.")],
    timezone: Annotated[str, typer.Option(help="Of the IANA database: Europe/Istanbul.")],
    currency: Annotated[str, typer.Option(help="ISO 4217: TRY.")],
    locale: Annotated[str, typer.Option(help="The language of its customers: tr, en or de.")],
    test_mode: Annotated[bool, typer.Option("--test-mode", help="A store to try things in; its clock moves.")] = False,
    address: Annotated[str, typer.Option(help="Street of the address that returns go to.")] = "",
    city: Annotated[str, typer.Option(help="City of that address.")] = "",
    postcode: Annotated[str, typer.Option(help="Postcode of that address.")] = "",
    json: out.Json = False,
) -> None:
    """Make a store with the standard policy and workflows.

    Without --address no carrier label can be printed until one is given (PATCH /stores/SLUG).
    """
    from rma.domain import strict
    from rma.services import stores

    wish = {
        "slug": slug,
        "name": name,
        "country": country,
        "timezone": timezone,
        "currency": currency,
        "locale": locale,
        "test_mode": test_mode,
        "return_addresses": _addresses(name, country, address, city, postcode),
    }
    new = strict.convert(wish, stores.NewStore)
    with places.migrated() as database:
        made = database.retrying(lambda work: stores.create(work, new))
    if json:
        out.data(made)
    else:
        out.line(f"The store {made.slug} is there; mint a key for it with `rma keys add --store {made.slug} …`.")


def _addresses(name: str, country: str, line: str, city: str, postcode: str) -> list[dict[str, str]]:
    if not (line or city or postcode):
        return []
    return [{"id": "main", "name": name, "line1": line, "city": city, "postcode": postcode, "country": country}]


@keys.command("add")
def mint(
    *,
    store: places.StoreSlug,
    name: Annotated[str, typer.Option(help="What the key is for.")],
    scopes: Annotated[str, typer.Option(help="What it may do, separated by commas: orders:read,returns:write.")],
    person: Annotated[
        str | None, typer.Option(help="The e-mail of the person who holds it; approvals need one.")
    ] = None,
    json: out.Json = False,
) -> None:
    """Mint a key and print it, alone, on standard output. It is shown this once."""
    from rma.domain import strict
    from rma.services import keys as minting

    listed = [scope.strip() for scope in scopes.split(",") if scope.strip()]
    new = strict.convert({"name": name, "scopes": listed, "person": person}, minting.NewKey)
    with places.migrated() as database:
        store_id = places.caller_of(database, store).store_id
        made = database.retrying(lambda work: minting.mint(work, new, store_id=store_id, actor="system"))
    if json:
        out.data(made)
    else:
        out.line(made.key)
