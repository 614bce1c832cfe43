"""The words of the policy page: questions, answers, and names of what an answer lists, in every language."""

from __future__ import annotations

from rma.domain.texts import Text, text

TITLES: dict[str, Text] = {
    "time": text(tr="Süreler", en="How long", de="Fristen"),
    "way": text(tr="Geri gönderme ve ücretler", en="Sending back, and what it costs", de="Rücksendung und Kosten"),
    "money": text(tr="Para iadesi", en="The money back", de="Die Erstattung"),
    "trouble": text(
        tr="Hasarlı, ayıplı, yanlış, eksik", en="Damaged, defective, wrong, missing", de="Schäden und Mängel"
    ),
    "limits": text(tr="İadesi olmayanlar", en="What cannot be returned", de="Was nicht zurückgegeben werden kann"),
}

QUESTIONS: dict[str, Text] = {
    "laws": text(tr="Beni hangi ülkenin hukuku korur?", en="Which law protects me?", de="Welches Recht schützt mich?"),
    "withdrawal": text(
        tr="Vazgeçersem ne zamana kadar iade edebilirim?",
        en="I changed my mind: until when can I return it?",
        de="Ich habe es mir anders überlegt: bis wann kann ich zurückgeben?",
    ),
    "voluntary": text(
        tr="Kanuni süre dolduysa?", en="And when the legal time is over?", de="Und wenn die gesetzliche Frist um ist?"
    ),
    "send_back": text(
        tr="Ürünü ne zaman göndermeliyim?", en="When must I send it back?", de="Wann muss ich es zurücksenden?"
    ),
    "needs": text(
        tr="Neden ya da üyelik gerekir mi?", en="Do I need a reason or a login?", de="Brauche ich Grund oder Anmeldung?"
    ),
    "way_by_law": text(
        tr="Kanuni sürede gönderim ücretini kim öder?",
        en="Who pays the way back within the legal time?",
        de="Wer zahlt die Rücksendung in der gesetzlichen Frist?",
    ),
    "way_voluntary": text(
        tr="Kanuni süreden sonra iade ne kadar tutar?",
        en="What does a return cost after the legal time?",
        de="Was kostet die Rückgabe nach der gesetzlichen Frist?",
    ),
    "refund_when": text(tr="Paramı ne zaman alırım?", en="When do I get the money?", de="Wann bekomme ich das Geld?"),
    "refund_how": text(
        tr="Para nasıl geri verilir?", en="How is the money given back?", de="Wie wird das Geld erstattet?"
    ),
    "shipping": text(
        tr="Teslimat ücreti geri verilir mi?",
        en="Is the delivery charge given back?",
        de="Gibt es die Versandkosten zurück?",
    ),
    "instead": text(
        tr="Para yerine ne seçebilirim?", en="What can I choose instead of money?", de="Was kann ich statt Geld wählen?"
    ),
    "liability": text(
        tr="Satıcı ne kadar süre sorumludur?",
        en="How long does the seller answer for it?",
        de="Wie lange haftet der Händler?",
    ),
    "second_hand": text(
        tr="İkinci el ürünlerde ne kadar süre sorumludur?",
        en="And how long for second-hand goods?",
        de="Und wie lange bei gebrauchter Ware?",
    ),
    "remedies": text(tr="Neler isteyebilirim?", en="What can I ask for?", de="Was kann ich verlangen?"),
    "evidence": text(
        tr="Fotoğraf ya da tutanak gerekir mi?",
        en="Do I need photos or a report?",
        de="Brauche ich Fotos oder ein Protokoll?",
    ),
    "late": text(tr="Ürün gelmezse?", en="What if it does not come?", de="Was, wenn nichts ankommt?"),
    "by_law": text(
        tr="Hangi ürünlerde kanuni cayma hakkı yoktur?",
        en="For which goods does the law give no right to withdraw?",
        de="Für welche Waren gibt es gesetzlich kein Widerrufsrecht?",
    ),
    "by_store": text(
        tr="Mağaza isteğe bağlı iadede neleri almaz?",
        en="What does the store not take back voluntarily?",
        de="Was nimmt der Händler freiwillig nicht zurück?",
    ),
    "asks": text(
        tr="Hangi iadeleri bir görevli inceler?",
        en="Which returns does a person look at?",
        de="Welche Rückgaben prüft eine Person?",
    ),
}

ANSWERS: dict[str, Text] = {
    "laws": text(
        tr="Kendi ülkenizin hukuku ({own}) ve mağazanınki ({home}): her soruda sizin için daha iyi olan.",
        en="That of your own country ({own}) and that of the store's country ({home}): for each question the better "
        "one for you.",
        de="Das Ihres Landes ({own}) und das des Händlers ({home}): je Frage das für Sie günstigere.",
    ),
    "withdrawal": text(
        tr="Ürünü teslim aldıktan sonraki {days} gün içinde neden göstermeden cayabilirsiniz; son gün tatile "
        "rastlarsa "
        "izleyen iş gününe uzar. Süre, siparişin son parçası geldiğinde başlar; teslimattan önce de cayabilirsiniz.",
        en="You may withdraw without a reason within {days} {days:day|days} after you received it; a last day that "
        "is no working "
        "day moves to the next one. The time starts with the last part of the order, and you may withdraw before "
        "delivery too.",
        de="Sie können binnen {days} {days:Tag|Tagen} nach Erhalt ohne Begründung widerrufen; ein letzter Tag, der "
        "kein Werktag "
        "ist, verschiebt sich auf den nächsten. Die Frist beginnt mit dem letzten Teil der Bestellung; auch vor der "
        "Lieferung ist der Widerruf möglich.",
    ),
    "withdrawal_plain": text(
        tr="Ürünü teslim aldıktan sonraki {days} gün içinde neden göstermeden cayabilirsiniz. Süre, siparişin son "
        "parçası geldiğinde başlar; teslimattan önce de cayabilirsiniz.",
        en="You may withdraw without a reason within {days} {days:day|days} after you received it. The time starts "
        "with the last "
        "part of the order, and you may withdraw before delivery too.",
        de="Sie können binnen {days} {days:Tag|Tagen} nach Erhalt ohne Begründung widerrufen. Die Frist beginnt mit "
        "dem letzten "
        "Teil der Bestellung; auch vor der Lieferung ist der Widerruf möglich.",
    ),
    "voluntary": text(
        tr="Mağaza, {anchor} sonraki {days} gün içinde isteğe bağlı olarak geri alır; bunun kendi koşulları vardır.",
        en="The store takes it back voluntarily within {days} {days:day|days} after {anchor}; such returns have "
        "their own terms.",
        de="Der Händler nimmt es binnen {days} {days:Tag|Tagen} nach {anchor} freiwillig zurück; dafür gelten eigene "
        "Bedingungen.",
    ),
    "no_voluntary": text(
        tr="Kanuni süreden sonra isteğe bağlı iade yoktur.",
        en="After the legal time there are no voluntary returns.",
        de="Nach der gesetzlichen Frist gibt es keine freiwillige Rückgabe.",
    ),
    "store_time": text(
        tr="Mağaza, {anchor} sonraki {days} gün içinde geri alır.",
        en="The store takes it back within {days} {days:day|days} after {anchor}.",
        de="Der Händler nimmt es binnen {days} {days:Tag|Tagen} nach {anchor} zurück.",
    ),
    "send_back": text(
        tr="Bildirimden ya da onaydan sonra {days} gün içinde.",
        en="Within {days} {days:day|days} after your notice, or after the approval.",
        de="Binnen {days} {days:Tag|Tagen} nach Ihrer Erklärung oder der Freigabe.",
    ),
    "needs_nothing": text(
        tr="Hayır. Kanuni haklar için ikisi de gerekmez.",
        en="No. For rights by law neither is needed.",
        de="Nein. Für gesetzliche Rechte ist beides nicht nötig.",
    ),
    "needs_reason": text(
        tr="Kanuni haklar için neden gerekmez. Mağaza şu iadelerde neden sorar: {kinds}.",
        en="For rights by law no reason is needed. The store asks for one with: {kinds}.",
        de="Für gesetzliche Rechte ist kein Grund nötig. Der Händler verlangt einen bei: {kinds}.",
    ),
    "needs_login": text(
        tr="Mağaza iade için üye girişi ister.",
        en="The store asks for a login.",
        de="Der Händler verlangt eine Anmeldung.",
    ),
    "way": text(tr="{method}: {payer}", en="{method}: {payer}", de="{method}: {payer}"),
    "way_fee": text(
        tr="{method}: {payer}; iade başına {fee} ücret",
        en="{method}: {payer}; a fee of {fee} per return",
        de="{method}: {payer}; Entgelt von {fee} je Rückgabe",
    ),
    "restocking": text(
        tr="Ürün bedelinden yüzde {percent} kesilir.",
        en="{percent} per cent of the price are kept.",
        de="{percent} Prozent des Preises werden einbehalten.",
    ),
    "promise": text(
        tr="Ürün geri gelip kabul edildikten sonra {days} gün içinde; kanunun son günü her durumda sınırdır.",
        en="Within {days} {days:day|days} after the goods are back and accepted; the law's last day is the limit in "
        "any case.",
        de="Binnen {days} {days:Tag|Tagen}, nachdem die Ware zurück und angenommen ist; der gesetzliche letzte Tag "
        "gilt immer.",
    ),
    "original": text(
        tr="Ödediğiniz araca, tek seferde ve kesintisiz; açıkça seçmedikçe başka bir araçla değil.",
        en="To the means you paid with, without a charge; by another only if you choose it expressly.",
        de="Auf das Zahlungsmittel, mit dem Sie bezahlt haben, ohne Abzug; anders nur auf ausdrücklichen Wunsch.",
    ),
    "shipping_full": text(
        tr="Siparişin tamamından cayarsanız ödediğiniz teslimat ücreti de geri verilir.",
        en="If you withdraw from the whole order, the delivery charge you paid is given back too.",
        de="Widerrufen Sie die ganze Bestellung, werden auch die gezahlten Versandkosten erstattet.",
    ),
    "shipping_cheapest_standard": text(
        tr="Siparişin tamamından cayarsanız en ucuz standart teslimatın ücreti geri verilir.",
        en="If you withdraw from the whole order, what the cheapest standard delivery costs is given back.",
        de="Widerrufen Sie die ganze Bestellung, werden die Kosten der günstigsten Standardlieferung erstattet.",
    ),
    "shipping_none": text(
        tr="Hayır, kanun bunu istemez.", en="No, the law does not ask for it.", de="Nein, das Gesetz verlangt es nicht."
    ),
    "list": text(tr="{items}.", en="{items}.", de="{items}."),
    "after_law": text(
        tr="Kanuni süreden sonra: {items}.",
        en="After the legal time: {items}.",
        de="Nach der gesetzlichen Frist: {items}.",
    ),
    "kind_items": text(tr="{kind}: {items}.", en="{kind}: {items}.", de="{kind}: {items}."),
    "liability": text(
        tr="Teslimden sonra {months} ay.",
        en="For {months} {months:month|months} after delivery.",
        de="{months} {months:Monat|Monate} ab der Lieferung.",
    ),
    "no_evidence": text(tr="Hayır.", en="No.", de="Nein."),
    "evidence": text(
        tr="{kind}: {count} dosya istenir ({files}). Göndermemek hakkınızı ortadan kaldırmaz; o zaman bir görevli "
        "inceler.",
        en="{kind}: {count} {count:file is|files are} asked for ({files}). Your right does not depend on "
        "{count:it|them}; without "
        "{count:it|them} a person looks at it.",
        de="{kind}: {count} {count:Datei wird|Dateien werden} erbeten ({files}). Ihr Recht hängt nicht davon ab; "
        "ohne sie prüft eine "
        "Person.",
    ),
    "evidence_needed": text(
        tr="{kind}: {count} dosya gerekir ({files}).",
        en="{kind}: {count} {count:file is|files are} needed ({files}).",
        de="{kind}: {count} {count:Datei ist|Dateien sind} nötig ({files}).",
    ),
    "report": text(
        tr="{kind}: hasar tespit tutanağı varsa gönderin; yoksa da hakkınız sürer.",
        en="{kind}: send the carrier's damage report if you have one; your right stands without it.",
        de="{kind}: senden Sie das Schadensprotokoll des Zustellers, falls vorhanden; Ihr Recht besteht auch ohne.",
    ),
    "late": text(
        tr="Söz verilen günde, söz verilmemişse siparişten sonra en geç {days} gün içinde gelmelidir; gelmezse "
        "sözleşmeden dönüp paranızı isteyebilirsiniz.",
        en="It must come by the promised day, or else within {days} {days:day|days} after the order; if not, you may "
        "end the "
        "contract and have your money back.",
        de="Es muss am zugesagten Tag kommen, sonst binnen {days} {days:Tag|Tagen} nach der Bestellung; andernfalls "
        "können Sie "
        "vom Vertrag zurücktreten und Ihr Geld verlangen.",
    ),
    "every": text(
        tr="Bu mağazada her iadeyi bir görevli inceler.",
        en="In this store a person looks at every return.",
        de="In diesem Geschäft prüft eine Person jede Rückgabe.",
    ),
    "for_kinds": text(tr="{what} ({kinds})", en="{what} ({kinds})", de="{what} ({kinds})"),
}

ANCHORS: dict[str, Text] = {
    "delivered": text(tr="teslimden", en="delivery", de="der Lieferung"),
    "shipped": text(tr="kargoya verildikten", en="shipping", de="dem Versand"),
    "ordered": text(tr="siparişten", en="the order", de="der Bestellung"),
}
METHODS: dict[str, Text] = {
    "drop_off_code": text(tr="kargo kodu ile şubeye bırakma", en="drop-off with a code", de="Abgabe mit Code"),
    "printed_label": text(tr="basılı etiket", en="printed label", de="gedrucktes Etikett"),
    "pick_up": text(tr="adresten alım", en="pick-up", de="Abholung"),
    "own_carrier": text(tr="kendi seçtiğiniz kargo", en="a carrier of your own", de="eigener Versand"),
    "in_store": text(tr="mağazaya teslim", en="in store", de="im Geschäft"),
    "none": text(tr="geri göndermeden", en="nothing to send", de="ohne Rücksendung"),
}
PAYERS: dict[str, Text] = {
    "store": text(tr="mağaza öder", en="the store pays", de="der Händler zahlt"),
    "customer": text(tr="siz ödersiniz", en="you pay", de="Sie zahlen"),
}
OUTCOMES: dict[str, Text] = {
    "refund": text(tr="para iadesi", en="the money back", de="Erstattung"),
    "store_credit": text(tr="mağaza kredisi", en="store credit", de="Guthaben"),
    "exchange": text(tr="değişim", en="an exchange", de="Umtausch"),
    "repair": text(tr="onarım", en="repair", de="Reparatur"),
    "price_reduction": text(tr="bedel indirimi", en="a price reduction", de="Minderung"),
    "keep": text(
        tr="ürün sizde kalarak para iadesi", en="the money back, and you keep the item", de="Erstattung ohne Rückgabe"
    ),
}
FILES: dict[str, Text] = {
    "photo": text(tr="fotoğraf", en="photo", de="Foto"),
    "carrier_damage_report": text(tr="hasar tespit tutanağı", en="carrier's damage report", de="Schadensprotokoll"),
    "proof_of_sending": text(tr="gönderim belgesi", en="proof of sending", de="Versandbeleg"),
    "proof_of_purchase": text(tr="satın alma belgesi", en="proof of purchase", de="Kaufbeleg"),
    "other": text(tr="başka belge", en="other paper", de="sonstiger Nachweis"),
}
ATTRIBUTES: dict[str, Text] = {
    "market_price": text(
        tr="fiyatı finansal piyasalara bağlı ürünler",
        en="goods whose price follows financial markets",
        de="Waren, deren Preis an Finanzmärkten hängt",
    ),
    "custom_made": text(tr="kişiye özel üretilen ürünler", en="goods made to order", de="Maßanfertigungen"),
    "perishable": text(tr="çabuk bozulan ürünler", en="perishable goods", de="verderbliche Waren"),
    "hygiene_opened": text(tr="hijyen ürünleri", en="hygiene goods", de="Hygieneartikel"),
    "mixed": text(
        tr="ayrılmayacak biçimde karışan ürünler", en="goods mixed inseparably", de="untrennbar vermischte Waren"
    ),
    "media_opened": text(
        tr="kitap, kayıt ve yazılım gibi ürünler",
        en="books, recordings, software and the like",
        de="Bücher, Aufnahmen, Software und Ähnliches",
    ),
    "periodical": text(tr="gazete ve dergiler", en="newspapers and magazines", de="Zeitungen und Zeitschriften"),
    "dated_service": text(
        tr="belirli tarihli konaklama, ulaşım ve etkinlikler",
        en="accommodation, transport and leisure on a set date",
        de="Unterkunft, Beförderung und Freizeit zu einem festen Termin",
    ),
    "instant_digital": text(
        tr="anında teslim edilen dijital içerik",
        en="digital content delivered at once",
        de="sofort gelieferte digitale Inhalte",
    ),
    "service_started": text(
        tr="onayınızla başlanmış hizmetler",
        en="services begun with your consent",
        de="mit Ihrer Zustimmung begonnene Dienstleistungen",
    ),
    "service_performed": text(
        tr="tamamen ifa edilmiş hizmetler",
        en="services that were fully performed",
        de="vollständig erbrachte Dienstleistungen",
    ),
    "alcohol_en_primeur": text(
        tr="fiyatı baştan kararlaştırılan, 30 günden sonra teslim edilen ve değeri piyasaya bağlı alkollü içkiler",
        en="alcoholic drinks at a price agreed beforehand, delivered after 30 days, of a value that follows the market",
        de="alkoholische Getränke zu vorab vereinbartem Preis, lieferbar nach 30 Tagen, mit marktabhängigem Wert",
    ),
    "registrable_vehicle_or_drone": text(
        tr="tescilli araçlar ve insansız hava araçları",
        en="vehicles and drones that must be registered",
        de="zulassungspflichtige Fahrzeuge und Drohnen",
    ),
    "live_auction": text(tr="canlı müzayede", en="live auctions", de="öffentliche Versteigerungen"),
    "installed_by_service": text(
        tr="yetkili servisin kurduğu ürünler",
        en="goods installed by a service",
        de="durch einen Dienst eingebaute Waren",
    ),
    "urgent_repair": text(
        tr="çağırdığınız acil onarım ve bakım",
        en="urgent repairs you asked a visit for",
        de="dringende Reparaturen, zu denen Sie gerufen haben",
    ),
}
UNLESS: dict[str, Text] = {
    "regular_delivery": text(tr="abonelik değilse", en="not by subscription", de="außer im Abonnement"),
}
"""What keeps the right all the same, as the list of exceptions says it."""
NEEDS: dict[str, Text] = {
    "opened": text(tr="açıldıysa", en="once opened", de="nach dem Öffnen"),
    "installed": text(tr="kurulduysa", en="once installed", de="nach dem Einbau"),
    "digital_consent": text(
        tr="onayınızla başlandıysa", en="begun with your consent", de="mit Ihrer Zustimmung begonnen"
    ),
    "digital_acknowledged": text(
        tr="hakkın sona erdiğini kabul ettiyseniz",
        en="and knowing that the right ends",
        de="in Kenntnis des Erlöschens",
    ),
    "service_consent": text(
        tr="onayınızla başlandıysa", en="begun at your express wish", de="auf Ihren ausdrücklichen Wunsch begonnen"
    ),
    "service_acknowledged": text(
        tr="hakkın sona erdiğini kabul ettiyseniz",
        en="and knowing that the right ends",
        de="in Kenntnis des Erlöschens",
    ),
    "opened_exempt": text(tr="niteliği gereği", en="by its nature", de="ihrer Art nach"),
}
FORM: dict[str, Text] = {
    "title": text(tr="İade koşulları", en="Returns policy", de="Rückgabebedingungen"),
    "version": text(
        tr="{version}. sürüm. Uygulanan hukuk – {law}. Kararlar aynı kurallarla verilir.",
        en="Version {version}. Applicable law – {law}. Decisions are made by the same rules.",
        de="Version {version}. Anwendbares Recht – {law}. Entscheidungen folgen denselben Regeln.",
    ),
    "calculator": text(tr="Ne zamana kadar?", en="Until when?", de="Bis wann?"),
    "received": text(tr="Teslim aldığım gün", en="I received it on", de="Erhalten am"),
    "ordered": text(tr="Sipariş günü", en="I ordered it on", de="Bestellt am"),
    "count": text(tr="Hesapla", en="Work it out", de="Berechnen"),
    "result": text(tr="{day} günü teslim alındıysa", en="Received on {day}", de="Erhalten am {day}"),
    "over": text(tr="süre doldu", en="this is over", de="abgelaufen"),
    "estimated": text(tr="tahmini", en="an estimate", de="geschätzt"),
    "statutory": text(tr="kanuni hak", en="by law", de="kraft Gesetzes"),
    "contract": text(tr="mağazanın koşulu", en="the store's own terms", de="Bedingung des Händlers"),
    "fault": text(
        tr="Bugünden sonra ya da sırasız bir gün olamaz.",
        en="This day cannot be: it lies after today, or before the order.",
        de="Dieser Tag kann nicht sein: er liegt nach heute oder vor der Bestellung.",
    ),
}
"""The words around the calculator and the page."""
