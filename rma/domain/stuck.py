"""Why money has not reached the customer, in words for the people of finance who have to see to it."""

from __future__ import annotations

from rma.domain.texts import Text, filled, say, text

STUCK: dict[str, Text] = {
    "pending": text(tr="Henüz gönderilmedi", en="Not sent yet", de="Noch nicht gesendet"),
    "sending": text(
        tr="Gönderildi, yanıt bekleniyor", en="Sent, the answer is awaited", de="Gesendet, die Antwort steht aus"
    ),
    "failed": text(
        tr="Sağlayıcı ödemeyi reddetti", en="The provider refused it", de="Der Anbieter hat die Zahlung abgelehnt"
    ),
    "unknown": text(
        tr="Sağlayıcının yanıtı bilinmiyor",
        en="What the provider did is not known",
        de="Was der Anbieter getan hat, ist nicht bekannt",
    ),
    "partly_succeeded": text(tr="Bir bölümü ödendi", en="A part of it was paid", de="Ein Teil wurde gezahlt"),
    "no_provider": text(
        tr="Bu ödeme yolunun sağlayıcısı yok; elle ödenmeli",
        en="No provider moves this tender; it has to be paid by hand",
        de="Für diesen Zahlungsweg gibt es keinen Anbieter; von Hand zu zahlen",
    ),
    "cannot_ask": text(
        tr="Bu sağlayıcıya sonuç sorulamıyor",
        en="This provider cannot be asked what it did",
        de="Dieser Anbieter kann nicht nach dem Ergebnis gefragt werden",
    ),
    "not_yet_known": text(
        tr="Sağlayıcı bu ödemeyi henüz bilmiyor; yeniden sorulacak",
        en="The provider does not know of it yet and is asked again",
        de="Der Anbieter kennt die Zahlung noch nicht und wird wieder gefragt",
    ),
    "too_late": text(
        tr="Gönderim yarıda kaldı; önce sağlayıcıya sorulacak",
        en="Sending stood still half-way; the provider is asked first",
        de="Das Senden blieb unterwegs stehen; zuerst wird der Anbieter gefragt",
    ),
    "earlier_attempt": text(
        tr="Daha önceki bir gönderim sürüyor olabilir; sağlayıcıya sorulmadan yeniden gönderilmeyecek",
        en="An earlier attempt may still be under way; the provider is asked before anything is sent again",
        de="Ein früherer Versuch kann noch unterwegs sein; vor erneutem Senden wird der Anbieter gefragt",
    ),
    "provider_contradicts": text(
        tr="Sağlayıcı aynı gönderim için hem başarısız hem başarılı dedi; hesap hareketleriyle karşılaştırın",
        en="The provider called the same attempt both failed and succeeded; compare with its ledger",
        de="Der Anbieter meldete denselben Versuch als gescheitert und als gelungen; mit seinem Konto abgleichen",
    ),
    "paid_twice": text(
        tr="Para iki kez gitmiş olabilir; sağlayıcının hesap hareketleriyle karşılaştırın",
        en="The money may have gone twice; compare with the provider's ledger",
        de="Das Geld kann zweimal gegangen sein; mit dem Konto beim Anbieter abgleichen",
    ),
}
"""By our own codes: the state of a transfer or of a refund, a flag, what we say ourselves in place of a provider."""


_ANSWERED = text(
    tr="Sağlayıcının yanıtı: {code}", en="The provider's answer: {code}", de="Antwort des Anbieters: {code}"
)


def why(code: str, language: str) -> str:
    """The words of a code of ours; a provider's own code as its answer, which its people can look up."""
    return say(STUCK.get(code) or filled(_ANSWERED, code=code), language)
