"""The guards of a return."""

from __future__ import annotations

from collections.abc import Callable

from rma.domain.facts import CaseFacts
from rma.domain.guard import Guard, GuardKind, guard
from rma.domain.texts import filled, text
from rma.domain.verdict import PASS, Verdict, refuse

_MOVING = frozenset({"handed_over", "in_transit"})
_UNDER_WAY = frozenset({"handed_over", "in_transit", "delivered"})


def _on_return(
    name: str, kind: GuardKind, passes: Callable[[CaseFacts], bool], what: str, *words: *tuple[str, str, str]
) -> Guard:
    return guard(name, "return", kind, passes=passes, what=what, words=words)


HELD = text(
    tr="Bu ürünler başka bir iadede ayrılmış: {held}.",
    en="These units are held by another return: {held}.",
    de="Diese Stücke sind in einer anderen Rücksendung gebunden: {held}.",
)
NOT_ENOUGH = text(
    tr="Bu üründen yeterince adet kalmadı.",
    en="Not enough of these units are left.",
    de="Von diesen Stücken sind nicht mehr genug übrig.",
)


def _units_available(facts: CaseFacts) -> Verdict:
    if not facts.units_held_by:
        return PASS
    return refuse("units_held", filled(HELD, held=", ".join(facts.units_held_by)))


RETURN: tuple[Guard, ...] = (
    _on_return(
        "assessed_accepted",
        "fact",
        lambda facts: facts.assessment == "accepted",
        "every line is accepted by the rules",
        "Talep kurallarca kabul edilmedi.",
        "The rules do not accept the request.",
        "Die Regeln nehmen die Anfrage nicht an.",
    ),
    _on_return(
        "assessed_declined",
        "fact",
        lambda facts: facts.assessment == "declined",
        "every line is refused by the rules",
        "Talep kurallarca reddedilmedi.",
        "The rules do not refuse the request.",
        "Die Regeln lehnen die Anfrage nicht ab.",
    ),
    _on_return(
        "assessed_in_review",
        "fact",
        lambda facts: facts.assessment == "in_review",
        "a rule asks a person",
        "Hiçbir kural bir kişinin incelemesini istemiyor.",
        "No rule asks for a person.",
        "Keine Regel verlangt eine Person.",
    ),
    _on_return(
        "assessed_awaiting_evidence",
        "fact",
        lambda facts: facts.assessment == "awaiting_evidence",
        "evidence is still missing",
        "Eksik kanıt yok.",
        "No evidence is missing.",
        "Es fehlt kein Nachweis.",
    ),
    _on_return(
        "legal_basis",
        "fact",
        lambda facts: facts.statutory,
        "a line rests on a right that the law gives",
        "Talep yasal bir hakka dayanmıyor.",
        "The request does not rest on a right given by law.",
        "Die Anfrage stützt sich auf kein gesetzliches Recht.",
    ),
    _on_return(
        "goods_all_here",
        "fact",
        lambda facts: not any(line.awaited for line in facts.lines),
        "no unit is awaited any more, or none ever was",
        "Beklenen ürünler henüz gelmedi.",
        "Units are still awaited.",
        "Es werden noch Stücke erwartet.",
    ),
    _on_return(
        "goods_some_here",
        "fact",
        lambda facts: any(line.received for line in facts.lines),
        "at least one unit was received",
        "Henüz hiçbir ürün teslim alınmadı.",
        "No unit was received yet.",
        "Es ist noch kein Stück eingegangen.",
    ),
    _on_return(
        "received_judged",
        "fact",
        lambda facts: not any(line.unjudged for line in facts.lines),
        "every received unit has been judged",
        "Gelen ürünlerin tümü henüz incelenmedi.",
        "Not every received unit has been judged.",
        "Noch nicht alle eingegangenen Stücke sind beurteilt.",
    ),
    _on_return(
        "something_accepted",
        "fact",
        lambda facts: any(line.accepted for line in facts.lines),
        "at least one unit was accepted",
        "Kabul edilen ürün yok.",
        "No unit was accepted.",
        "Es wurde kein Stück angenommen.",
    ),
    _on_return(
        "expected_open",
        "fact",
        lambda facts: any(line.awaited for line in facts.lines),
        "at least one unit is still awaited",
        "Beklenen ürün kalmadı.",
        "No unit is awaited.",
        "Es wird kein Stück mehr erwartet.",
    ),
    _on_return(
        "parcel_moving",
        "fact",
        lambda facts: not _MOVING.isdisjoint(facts.inbound),
        "an inbound parcel is with the carrier",
        "Yolda olan bir koli yok.",
        "No parcel is on its way.",
        "Kein Paket ist unterwegs.",
    ),
    _on_return(
        "parcel_delivered",
        "fact",
        lambda facts: "delivered" in facts.inbound,
        "an inbound parcel was delivered and not counted yet",
        "Teslim edilmiş, sayılmamış bir koli yok.",
        "No delivered parcel waits to be counted.",
        "Kein zugestelltes Paket wartet auf die Zählung.",
    ),
    _on_return(
        "nothing_on_the_way",
        "fact",
        lambda facts: _UNDER_WAY.isdisjoint(facts.inbound),
        "no inbound parcel is on its way or waits to be counted",
        "Hâlâ yolda olan ya da sayılmayı bekleyen bir koli var.",
        "A parcel is still on its way or waits to be counted.",
        "Ein Paket ist noch unterwegs oder wartet auf die Zählung.",
    ),
    _on_return(
        "send_back_over",
        "fact",
        lambda facts: facts.send_back_over,
        "the deadline to send the goods has passed",
        "Gönderme süresi henüz dolmadı.",
        "The time to send the goods is not over yet.",
        "Die Frist zur Rücksendung läuft noch.",
    ),
    _on_return(
        "nothing_received",
        "rule",
        lambda facts: not any(line.received for line in facts.lines),
        "no unit was received",
        "Ürün teslim alındığı için iade artık iptal edilemez.",
        "Goods have been received, so the return cannot be cancelled any more.",
        "Es ist Ware eingegangen, die Rücksendung kann nicht mehr storniert werden.",
    ),
    _on_return(
        "no_money_moved",
        "rule",
        lambda facts: not facts.money_moved,
        "no refund of this return was approved",
        "Bu iade için bir geri ödeme onaylandı.",
        "A refund of this return has been approved.",
        "Eine Erstattung zu dieser Rücksendung ist freigegeben.",
    ),
    _on_return(
        "customer_consented",
        "rule",
        lambda facts: not facts.withdrawal or facts.cancel_consent,
        "no withdrawal was declared, or the customer's consent to cancel it is recorded",
        "Cayma bildirimi, müşterinin kayıtlı onayı olmadan iptal edilemez.",
        "A declared withdrawal cannot be cancelled without the customer's recorded consent.",
        "Ein erklärter Widerruf kann nur mit erfasster Zustimmung der Kundin oder des Kunden storniert werden.",
    ),
    _on_return(
        "reopened",
        "fact",
        lambda facts: facts.reopened,
        "the return was reopened, appealed or disputed",
        "Bu iade yeniden açılmadı.",
        "The return was not reopened.",
        "Die Rücksendung wurde nicht wieder geöffnet.",
    ),
    Guard(
        name="units_available",
        machine="return",
        kind="rule",
        what="no other return holds the units; a refusal names the return that does",
        check=_units_available,
    ),
    _on_return(
        "children_ended",
        "fact",
        lambda facts: facts.children_open == 0 and facts.reductions_open == 0,
        "every refund, replacement and parcel has ended, and every price reduction is fixed",
        "Henüz sonuçlanmamış bir geri ödeme, değişim, gönderi ya da bedel indirimi var.",
        "A refund, a replacement, a parcel or a price reduction has not ended yet.",
        "Eine Erstattung, ein Ersatz, ein Paket oder eine Minderung ist noch nicht abgeschlossen.",
    ),
)
"""Every guard of a return."""
