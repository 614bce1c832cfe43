"""``rma policy``: hold a store's rules against the law, try them on real returns, publish them, go back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rma.cli import out, places

if TYPE_CHECKING:
    from rma.services.policies import PolicyView
    from rma.services.policy_lint import Linted
    from rma.services.policy_replay import Replayed

app = typer.Typer(help="Policies: check, try, publish and roll back a store's rules.", no_args_is_help=True)
Language = Annotated[str, places.language_option("--lang", what="the words")]
From = Annotated[
    str | None, typer.Option(metavar="INSTANT", help="With a zone: 2027-01-01T00:00:00+03:00. Now unless told.")
]


@app.command("lint")
def lint(
    file: places.InFile,
    *,
    store: places.StoreSlug,
    effective_from: From = None,
    country: Annotated[
        list[str] | None, typer.Option(metavar="CC", help="A country to sell to besides those of its orders.")
    ] = None,
    lang: Language = "en",
    json: out.Json = False,
) -> None:
    """Say what a policy file takes that the law gives, what contradicts itself, and what is missing.

    Exit 1 when it may not be published.
    """
    from rma.domain import strict
    from rma.services import policies as use_case
    from rma.services.policy_lint import LintPolicy

    wish = strict.convert({"effective_from": effective_from, "countries": country or []}, LintPolicy)
    with places.services() as services:
        caller = places.caller_of(services.database, store)
        with services.database.read() as work:
            document = _document(file)
            found = use_case.lint_document(work, services, caller, document, wish=wish, source=file.name)
    if json:
        out.data(found)
    else:
        _say_findings(found, file.name, lang)
    raise typer.Exit(0 if found.lawful else 1)


def _say_findings(found: Linted, name: str, lang: str) -> None:
    from rma.domain.texts import say

    for one in found.findings:
        article = f" ({one.law}, {one.article})" if one.law and one.article else ""
        out.line(f"{one.severity}: {name}: {one.path or '(the whole file)'}: {say(one.text, lang)}{article}")
    laws = ", ".join(sorted({one.law for one in found.laws}))
    may = "may be published" if found.lawful else "may not be published"
    out.line(f"{name} {may} under {laws}, as of {found.on.isoformat()}.")


@app.command("publish")
def publish(
    file: places.InFile, *, store: places.StoreSlug, effective_from: From = None, json: out.Json = False
) -> None:
    """Publish a policy file (TOML, or JSON if its name ends so) as the store's next version.

    It holds for orders placed from then on; an order keeps the version that held when it was placed. A policy that
    takes what the law gives is refused with every article.
    """
    from rma.domain import strict
    from rma.services import policies as use_case

    document = _document(file)
    wish = strict.convert({"effective_from": effective_from}, use_case.PublishPolicy)
    with places.services() as services:
        caller = places.caller_of(services.database, store)

        def act(work: Any) -> use_case.PolicyView:  # noqa: ANN401 - a transaction, imported late
            made = use_case.draft(work, caller, document, source=file.name)
            return use_case.publish(work, services, caller, made.version, wish=wish)

        made = services.database.retrying(act)
    _say_published(made, json=json)


@app.command("rollback")
def rollback(
    version: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The published version to go back to.")],
    *,
    store: places.StoreSlug,
    effective_from: From = None,
    json: out.Json = False,
) -> None:
    """Publish an earlier version again, word for word, as the store's newest one."""
    from rma.domain import strict
    from rma.services import policies as use_case

    wish = strict.convert({"effective_from": effective_from}, use_case.PublishPolicy)
    with places.services() as services:
        caller = places.caller_of(services.database, store)
        made = services.database.retrying(lambda work: use_case.restore(work, services, caller, version, wish=wish))
    _say_published(made, json=json)


def _say_published(made: PolicyView, *, json: bool) -> None:
    if json:
        out.data(made)
    else:
        out.line(f"The policy {made.name!r} is published as version {made.version}.")


@app.command("replay")
def replay(
    file: places.InFile,
    *,
    store: places.StoreSlug,
    last: Annotated[int, typer.Option(min=1, max=10_000, help="Over so many of the last returns.")] = 1000,
    lang: Language = "en",
    json: out.Json = False,
) -> None:
    """Try a policy file on the last real returns: what would change, in cases and in money. Nothing is written."""
    from rma.services import policy_replay

    document = _document(file)
    with places.services() as services:
        caller = places.caller_of(services.database, store)
        with services.database.read() as work, out.progress("replaying", unit="returns") as tick:
            found = policy_replay.replay_document(work, services, caller, document, last=last, locale=lang, tick=tick)
    if json:
        out.data(found)
    else:
        _say_replayed(found)


def _say_replayed(found: Replayed) -> None:
    counts = ("unchanged", "now_refused", "now_accepted", "now_asked", "no_longer_asked", "other_terms", "unread")
    out.line(f"{found.returns} returns")
    for name in counts:
        out.line(f"{getattr(found, name):>8} {name.replace('_', ' ')}")
    out.line(f"{found.kept_by_law:>8} kept by law against the policy")
    for money in found.money_difference:
        out.line(f"{money['amount']:>14} {money['currency']} more would go back")
    for one in found.examples:
        before, after = (", ".join(side.decisions) for side in (one.before, one.after))
        out.line(f"{one.rma_number} of {one.order_number}: {before} → {after}: {' '.join(one.after.texts)}")
    if not found.lint.lawful:
        out.line("The policy may not be published: see `rma policy lint`.")


def _document(file: Path) -> dict[str, Any]:
    from rma.domain import policy as reading
    from rma.domain import strict

    raw = file.read_bytes()
    if file.suffix.lower() == ".json":
        found: dict[str, Any] = strict.decode(raw, dict[str, Any])
        return found
    return reading.body(file.name, raw)
