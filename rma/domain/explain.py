"""A decision in words: the sentence for the customer, which rule decided, and what every rule that was asked said.

The words are made from the stored decision alone, so that an old decision is told as it was made, in any language.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from rma.domain.claims import DELAY, LIABILITY
from rma.domain.decision import LineDecision, TraceEntry
from rma.domain.texts import Text, capital, filled, text

_RULE_NAMES: dict[str, Text] = {
    "quantity_left": text(tr="kalan adet", en="units left", de="verfügbare Menge"),
    "window": text(tr="süre", en="time", de="Frist"),
    "exempt": text(tr="kanuni istisnalar", en="exceptions by law", de="gesetzliche Ausnahmen"),
    "exclude": text(tr="kapsam dışı ürünler", en="excluded goods", de="ausgeschlossene Ware"),
    "only": text(tr="kapsam içi ürünler", en="included goods", de="einbezogene Ware"),
    "line_value_below": text(tr="en düşük ürün tutarı", en="least value of an item", de="Mindestwert der Ware"),
    "line_value_above": text(tr="yüksek ürün tutarı", en="high value of an item", de="hoher Warenwert"),
    "order_value_below": text(tr="en düşük sipariş tutarı", en="least value of the order", de="Mindestbestellwert"),
    "order_value_above": text(tr="yüksek sipariş tutarı", en="high value of the order", de="hoher Bestellwert"),
    "no_return_period": text(tr="kampanya dönemi", en="period without returns", de="Zeitraum ohne Rückgabe"),
    "returns_on_order": text(tr="siparişin önceki iadeleri", en="returns on the order", de="Rückgaben zur Bestellung"),
    "returns_in_period": text(tr="müşterinin önceki iadeleri", en="returns of the customer", de="Rückgaben des Kunden"),
    "reason_asks": text(tr="iade nedeni", en="reason of the return", de="Rückgabegrund"),
    "business_buyer": text(tr="ticari alıcı", en="business buyer", de="gewerblicher Käufer"),
    "evidence": text(tr="belgeler", en="evidence", de="Nachweise"),
    "auto_approve": text(tr="görevli onayı", en="a person's approval", de="Freigabe durch eine Person"),
    "laws": text(tr="uygulanan hukuklar", en="the laws that apply", de="anwendbare Rechte"),
    "override": text(tr="istisna", en="exception", de="Ausnahme"),
}
_PASSED = text(tr="{rule}: engel yok.", en="{rule}: nothing against it.", de="{rule}: nichts spricht dagegen.")
_KEPT = text(
    tr="{rule}: mağaza kuralı reddederdi, ama hak kanundan doğuyor ve sürüyor.",
    en="{rule}: the store's rule would refuse, but the right stands by law.",
    de="{rule}: die Regel des Händlers würde ablehnen, aber das Recht besteht kraft Gesetzes.",
)
_COMPARED = text(
    tr="Müşteriyi iki ülkenin hukuku koruyor; burada müşterinin daha yararına olan {law} geçerli.",
    en="The laws of two countries protect the customer; here {law} counts, the better one for the customer.",
    de="Das Recht zweier Länder schützt den Kunden; hier gilt {law}, das für den Kunden günstigere.",
)
_WITHDRAWAL = text(
    tr="Kanuni cayma hakkınız {last_day} tarihine kadar sürer.",
    en="By law you may withdraw until {last_day}.",
    de="Sie können kraft Gesetzes bis zum {last_day} widerrufen.",
)
_BEFORE_DELIVERY = text(
    tr="Teslimattan önce kanunen cayabilirsiniz.",
    en="By law you may withdraw before delivery.",
    de="Sie können kraft Gesetzes schon vor der Lieferung widerrufen.",
)
_VOLUNTARY = text(
    tr="Mağaza bu ürünü {last_day} tarihine kadar isteğe bağlı olarak geri alır.",
    en="The store takes this item back voluntarily until {last_day}.",
    de="Der Händler nimmt diese Ware freiwillig bis zum {last_day} zurück.",
)
_STORE = text(tr="Mağaza bunu kabul eder.", en="The store accepts this.", de="Der Händler nimmt dies an.")
_LIABLE = text(
    tr="Satıcı teslim ettiği üründen {last_day} tarihine kadar sorumludur.",
    en="The seller answers for what was delivered until {last_day}.",
    de="Der Händler haftet für die gelieferte Ware bis zum {last_day}.",
)
_LATE = text(
    tr="Ürün zamanında teslim edilmedi; sözleşmeden dönebilirsiniz.",
    en="The item was not delivered in time; you may end the contract.",
    de="Die Ware kam nicht rechtzeitig; Sie können vom Vertrag zurücktreten.",
)


class DecidedBy(msgspec.Struct, frozen=True, kw_only=True):
    """The rule that settled a line, of which version (of the policy or of the law), and the article it stands on."""

    rule: str
    version: str
    code: str
    article: str | None


def sentence(line: LineDecision) -> Text:
    """What the decision says to the customer, in every language: why not, or by which right and until when."""
    if line.reasons:
        return line.reasons[0].text
    if line.kind in DELAY:
        return _LATE
    words = _accepted(line)
    return filled(words, last_day=line.last_day) if line.last_day is not None else words


def decided_by(line: LineDecision) -> DecidedBy:
    """The rule that decided: the last one that was asked, or for what nothing stood against, the one about time."""
    last = line.trace[-1]
    if not line.reasons:
        last = next((entry for entry in line.trace if entry.rule == "window"), last)
    return DecidedBy(rule=last.rule, version=last.version, code=last.code, article=last.article)


def rights(lines: Iterable[LineDecision]) -> tuple[str, ...]:
    """The articles of the rights on which these lines stand: whoever declines them acts against these."""
    held = (line for line in lines if line.basis == "statutory" and line.decision != "refused")
    entries = (entry for line in held for entry in line.trace if entry.rule == "window" and entry.article)
    return tuple(dict.fromkeys(str(entry.article) for entry in entries))


def said(entry: TraceEntry, line: LineDecision) -> Text:
    """What one rule that was asked said about the line, in every language."""
    for why in (*line.reasons, *line.overrode):
        if (why.rule, why.code) == (entry.rule, entry.code):
            return why.text
    if entry.result == "compared":
        return filled(_COMPARED, law=entry.version)
    if entry.rule == "window" and entry.result == "pass" and not line.reasons:
        return sentence(line)
    return _about(_KEPT if entry.result == "kept_by_law" else _PASSED, entry.rule)


def _accepted(line: LineDecision) -> Text:
    statutory = line.basis == "statutory"
    if line.last_day is None:
        return _BEFORE_DELIVERY if statutory and line.kind == "withdrawal" else _STORE
    if line.kind in LIABILITY:
        return _LIABLE
    return _WITHDRAWAL if statutory else _VOLUNTARY


def _about(words: Text, rule: str) -> Text:
    names = _RULE_NAMES.get(rule) or dict.fromkeys(words, rule)
    return {language: told.format(rule=capital(names[language], language)) for language, told in words.items()}


def knows(rule: str) -> bool:
    """Whether the rule has a name in every language."""
    return rule in _RULE_NAMES
