"""The guards of the children of a return: parcels, refunds, replacements."""

from __future__ import annotations

from collections.abc import Callable

from rma.domain.facts import ParcelFacts, RefundFacts, ReplacementFacts
from rma.domain.guard import Guard, GuardKind, guard

_OPEN_TRANSFERS = frozenset({"pending", "sending"})
_PERSONAL_METHODS = frozenset({"own_carrier", "in_store", "none"})


def _on_parcel(
    name: str, kind: GuardKind, passes: Callable[[ParcelFacts], bool], what: str, *words: *tuple[str, str, str]
) -> Guard:
    return guard(name, "parcel", kind, passes=passes, what=what, words=words)


def _on_refund(
    name: str, kind: GuardKind, passes: Callable[[RefundFacts], bool], what: str, *words: *tuple[str, str, str]
) -> Guard:
    return guard(name, "refund", kind, passes=passes, what=what, words=words)


def _on_replacement(
    name: str, kind: GuardKind, passes: Callable[[ReplacementFacts], bool], what: str, *words: *tuple[str, str, str]
) -> Guard:
    return guard(name, "replacement", kind, passes=passes, what=what, words=words)


def _ended(facts: RefundFacts) -> bool:
    return bool(facts.transfers) and _OPEN_TRANSFERS.isdisjoint(facts.transfers)


PARCEL: tuple[Guard, ...] = (
    _on_parcel(
        "inbound",
        "rule",
        lambda facts: facts.direction == "inbound",
        "the parcel comes to the store",
        "Yalnızca mağazaya gelen koliler sayılır.",
        "Only a parcel that comes to the store can be counted.",
        "Nur ein Paket an den Shop kann gezählt werden.",
    ),
    _on_parcel(
        "sent_by_customer",
        "rule",
        lambda facts: facts.direction == "inbound" and facts.method in _PERSONAL_METHODS,
        "an inbound parcel that goes without a label of ours",
        "Etiketli bir kolinin yola çıktığını yalnızca kargo şirketi bildirir.",
        "Only the carrier can say that a labelled parcel is on its way.",
        "Dass ein Paket mit Etikett unterwegs ist, kann nur der Paketdienst melden.",
    ),
)
"""Every guard of a parcel."""

REFUND: tuple[Guard, ...] = (
    _on_refund(
        "auto_approvable",
        "fact",
        lambda facts: facts.auto_approvable,
        "below the store's limit, and nobody changed anything in it",
        "Bu geri ödemeyi bir kişinin onaylaması gerekiyor.",
        "This refund needs a person's approval.",
        "Diese Erstattung muss eine Person freigeben.",
    ),
    _on_refund(
        "approvals_complete",
        "fact",
        lambda facts: facts.approvals >= facts.approvals_needed,
        "with this one, enough distinct persons have approved",
        "İkinci bir kişinin onayı gerekiyor.",
        "A second person's approval is needed.",
        "Die Freigabe einer zweiten Person ist nötig.",
    ),
    _on_refund(
        "total_as_shown",
        "rule",
        lambda facts: facts.total_as_shown,
        "the expected total is the total now",
        "Tutar, gösterildikten sonra değişti; yeni tutarı inceleyin.",
        "The total changed after it was shown; look at the new one.",
        "Der Betrag hat sich seit der Anzeige geändert; bitte den neuen prüfen.",
    ),
    _on_refund(
        "approver_named",
        "rule",
        lambda facts: facts.approver_named,
        "the key belongs to a person",
        "Bu işlem için bir kişiye ait anahtar gerekiyor.",
        "This needs a key that belongs to a person.",
        "Dafür ist ein Schlüssel nötig, der einer Person gehört.",
    ),
    _on_refund(
        "approver_independent",
        "rule",
        lambda facts: facts.independent,
        "the person is somebody else than who fixed something in this refund or approved it, whatever the key",
        "Kimse kendi belirlediği tutarı ya da aynı geri ödemeyi ikinci kez onaylayamaz; kendi oluşturduğu anahtar da "
        "başkası sayılmaz.",
        "Nobody approves what they fixed themselves, and nobody approves twice; a key of one's own making is nobody "
        "else.",
        "Niemand gibt frei, was er selbst festgelegt hat, und niemand zweimal; ein selbst erstellter Schlüssel ist "
        "niemand anderes.",
    ),
    _on_refund(
        "within_caps",
        "rule",
        lambda facts: facts.within_caps,
        "no tender and no order gives back more than it took",
        "Geri ödeme, tahsil edilen tutarı aşamaz.",
        "A refund cannot exceed what was captured.",
        "Eine Erstattung kann den eingezogenen Betrag nicht übersteigen.",
    ),
    _on_refund(
        "nothing_paid",
        "rule",
        lambda facts: not facts.part_paid,
        "no money of this refund has gone out",
        "Bu iadenin bir kısmı ödendi; kalan tutar onaylanır ya da başka bir yolla gönderilir.",
        "Part of this refund is paid: approve the rest, or send it another way.",
        "Ein Teil ist schon erstattet: den Rest freigeben oder auf anderem Weg senden.",
    ),
    _on_refund(
        "part_paid",
        "fact",
        lambda facts: facts.part_paid,
        "some of the money has gone out, the rest goes over another tender",
        "Henüz hiçbir tutar ödenmedi.",
        "Nothing of it is paid yet.",
        "Davon ist noch nichts erstattet.",
    ),
    _on_refund(
        "transfers_succeeded",
        "fact",
        lambda facts: not facts.waiting and set(facts.transfers) <= {"succeeded"},
        "every transfer succeeded, or nothing was to be sent",
        "Aktarımların tümü başarılı olmadı.",
        "Not every transfer succeeded.",
        "Nicht alle Überweisungen sind gelungen.",
    ),
    _on_refund(
        "payout_missing",
        "fact",
        lambda facts: facts.waiting > 0 and set(facts.transfers) <= {"succeeded"},
        "all that is left waits for the customer's account",
        "Hesap bilgisi bekleyen bir aktarım yok.",
        "No transfer waits for an account.",
        "Keine Überweisung wartet auf eine Bankverbindung.",
    ),
    _on_refund(
        "payout_known",
        "fact",
        lambda facts: not facts.waiting,
        "every transfer knows where to go",
        "Paranın gönderileceği hesap henüz bilinmiyor.",
        "It is not known yet to which account the money goes.",
        "Es ist noch nicht bekannt, auf welches Konto das Geld geht.",
    ),
    _on_refund(
        "transfers_unknown",
        "fact",
        lambda facts: _ended(facts) and "unknown" in facts.transfers,
        "no transfer is open, and of at least one it is not known what became of it",
        "Sonucu bilinmeyen aktarım yok.",
        "No transfer has an unknown outcome.",
        "Keine Überweisung hat einen unbekannten Ausgang.",
    ),
    _on_refund(
        "transfers_mixed",
        "fact",
        lambda facts: set(facts.transfers) == {"succeeded", "failed"},
        "every transfer has ended, some succeeded and some failed",
        "Aktarımların bir kısmı başarılı, bir kısmı başarısız değil.",
        "The transfers did not end partly well.",
        "Die Überweisungen sind nicht teils gelungen, teils gescheitert.",
    ),
    _on_refund(
        "transfers_failed",
        "fact",
        lambda facts: set(facts.transfers) == {"failed"},
        "every transfer failed",
        "Aktarımların tümü başarısız olmadı.",
        "Not every transfer failed.",
        "Nicht alle Überweisungen sind gescheitert.",
    ),
    _on_refund(
        "same_tender",
        "fact",
        lambda facts: not facts.redirected,
        "the retry goes to the tender that failed",
        "Yeni ödeme yolu için ayrı bir onay gerekiyor.",
        "Another tender needs a new approval.",
        "Ein anderer Zahlungsweg braucht eine neue Freigabe.",
    ),
    _on_refund(
        "other_tender",
        "fact",
        lambda facts: facts.redirected,
        "the retry goes to another tender",
        "Ödeme yolu değişmedi.",
        "The tender is the same.",
        "Der Zahlungsweg ist derselbe.",
    ),
    _on_refund(
        "redirect_consented",
        "rule",
        lambda facts: not facts.redirected or facts.redirect_consented,
        "the tender stays, or the customer's consent to another one is recorded",
        "Başka bir ödeme yolu için müşterinin kayıtlı onayı gerekiyor.",
        "Another tender needs the customer's recorded consent.",
        "Ein anderer Zahlungsweg braucht die erfasste Zustimmung der Kundin oder des Kunden.",
    ),
    _on_refund(
        "provider_cannot_tell",
        "rule",
        lambda facts: not facts.can_ask,
        "the provider has no way to be asked",
        "Ödeme kuruluşuna sorulabilir; sonucu elle girmeyin.",
        "The provider can be asked; ask it instead of deciding by hand.",
        "Der Zahlungsdienst kann gefragt werden; bitte dort nachfragen statt von Hand zu entscheiden.",
    ),
    _on_refund(
        "resolutions_complete",
        "fact",
        lambda facts: facts.resolutions > 1,
        "with this one, two distinct persons say the same",
        "İkinci bir kişinin aynı sonucu bildirmesi gerekiyor.",
        "A second person must say the same.",
        "Eine zweite Person muss dasselbe angeben.",
    ),
)
"""Every guard of a refund."""

REPLACEMENT: tuple[Guard, ...] = (
    _on_replacement(
        "in_stock",
        "rule",
        lambda facts: facts.in_stock,
        "the units are in stock and reserved",
        "Ürün stokta yok: başka bir seçenek, geri ödeme ya da mağaza kredisi seçilebilir.",
        "Out of stock: choose another variant, a refund or store credit.",
        "Nicht auf Lager: andere Variante, Erstattung oder Gutschrift wählen.",
    ),
    _on_replacement(
        "goods_secured",
        "rule",
        lambda facts: facts.goods_secured,
        "the goods it replaces were accepted, or it goes in advance with a guarantee",
        "Değiştirilecek ürün henüz kabul edilmedi.",
        "The goods to be replaced have not been accepted yet.",
        "Die zu ersetzende Ware ist noch nicht angenommen.",
    ),
    _on_replacement(
        "goods_awaited",
        "fact",
        lambda facts: not facts.goods_secured,
        "the goods it replaces are not here, or are not judged",
        "Değiştirilecek ürün kabul edilmiş durumda.",
        "The goods to be replaced have been accepted.",
        "Die zu ersetzende Ware ist angenommen.",
    ),
    _on_replacement(
        "amount_due",
        "fact",
        lambda facts: facts.amount_due,
        "the customer still owes a difference",
        "Ödenecek fark yok.",
        "No difference is owed.",
        "Es ist keine Differenz offen.",
    ),
    _on_replacement(
        "nothing_due",
        "rule",
        lambda facts: not facts.amount_due,
        "the customer owes no difference, or has paid it",
        "Fiyat farkı henüz ödenmedi.",
        "The difference has not been paid yet.",
        "Die Differenz ist noch nicht bezahlt.",
    ),
)
"""Every guard of a replacement."""
