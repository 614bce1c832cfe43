"""The words of every finding about a policy, by code, in every language."""

from __future__ import annotations

from rma.domain.texts import Text, text

TEXTS: dict[str, Text] = {
    # -- unlawful -----------------------------------------------------------------------------------------------------
    "shorter_window": text(
        tr="Cayma süresi {days} gün yazılmış; kanun en az {least} gün verir.",
        en="The withdrawal period is {days} days; the law gives at least {least}.",
        de="Die Widerrufsfrist beträgt {days} Tage; das Gesetz gibt mindestens {least}.",
    ),
    "shorter_send_back": text(
        tr="Geri gönderme süresi {days} gün yazılmış; kanun en az {least} gün verir.",
        en="The time to send goods back is {days} days; the law gives at least {least}.",
        de="Die Rücksendefrist beträgt {days} Tage; das Gesetz gibt mindestens {least}.",
    ),
    "fee_on_right": text(
        tr="Kanuni hakka dayanan iadeden ({kinds}) ücret alınamaz.",
        en="No fee may be taken on a return that stands by law ({kinds}).",
        de="Für eine Rückgabe kraft Gesetzes ({kinds}) darf kein Entgelt verlangt werden.",
    ),
    "restocking_on_right": text(
        tr="Kanuni hakka dayanan iadeden ({kinds}) yüzde {percent} kesinti yapılamaz.",
        en="No {percent} per cent may be kept of a return that stands by law ({kinds}).",
        de="Von einer Rückgabe kraft Gesetzes ({kinds}) dürfen nicht {percent} Prozent einbehalten werden.",
    ),
    "credit_only": text(
        tr="Bu koşullar para iadesi sunmuyor; kanun ödenen paranın geri verilmesini ister ({kinds}).",
        en="These terms do not offer the money back; the law does ({kinds}).",
        de="Diese Bedingungen bieten keine Erstattung des Geldes an; das Gesetz verlangt sie ({kinds}).",
    ),
    "no_remedy": text(
        tr="Bu koşullar, kanunun ayıplı malda tanıdığı haklardan ({remedies}) hiçbirini sunmuyor.",
        en="These terms offer none of the remedies that the law gives for defective goods ({remedies}).",
        de="Diese Bedingungen bieten keinen der gesetzlichen Rechtsbehelfe bei Mängeln ({remedies}).",
    ),
    "remedy_taken": text(
        tr="Bu liste kanunun ayıplı malda tanıdığı {remedies} hakkını dışarıda bırakıyor; seçim tüketicinindir. "
        "Listeye ekleyin ya da outcomes satırını yazmayın: kanunun verdiği kendiliğinden sunulur.",
        en="This list leaves out {remedies}, which the law gives for defective goods: the consumer chooses. Add it, "
        "or leave outcomes out: what the law gives is then offered by itself.",
        de="Diese Liste lässt aus, was das Gesetz bei Mängeln gibt ({remedies}): der Verbraucher wählt. Ergänzen Sie "
        "es oder lassen Sie outcomes weg; das Gesetzliche wird dann von selbst angeboten.",
    ),
    "way_back_paid": text(
        tr="Geri gönderme ücreti müşteriye bırakılmış; kanun bunu satıcıya yükler ({kinds}). way_back_paid_by "
        "satırını yazmayın: kanunun dediği kendiliğinden geçerli olur.",
        en="The way back is left to the customer; by law the seller pays it ({kinds}). Leave way_back_paid_by out: "
        "what the law says then holds by itself.",
        de="Die Rücksendekosten sind dem Kunden auferlegt; nach dem Gesetz trägt sie der Händler ({kinds}). Lassen Sie "
        "way_back_paid_by weg: dann gilt von selbst, was das Gesetz sagt.",
    ),
    "no_sending": text(
        tr="Bu koşullarla ürün gönderilemez; cayan tüketici ürünü her zaman kargoyla geri gönderebilir ve bu kabul "
        "edilir.",
        en="These terms offer no way to send the goods; whoever withdraws by law may always send them, and it is "
        "accepted.",
        de="Diese Bedingungen bieten keinen Versand; wer gesetzlich widerruft, darf die Ware immer zusenden, und das "
        "wird angenommen.",
    ),
    "evidence_condition": text(
        tr="Cayma için belge istenemez: hak hiçbir koşula bağlanamaz.",
        en="No files may be asked for a withdrawal: the right has no conditions.",
        de="Für einen Widerruf dürfen keine Nachweise verlangt werden: das Recht hat keine Bedingungen.",
    ),
    "reason_condition": text(
        tr="Cayma için neden istenemez.",
        en="No reason may be demanded for a withdrawal.",
        de="Für einen Widerruf darf keine Begründung verlangt werden.",
    ),
    "login_condition": text(
        tr="Cayma bir üyelik girişine bağlanamaz; misafir siparişinde de yapılabilmelidir.",
        en="A withdrawal may not need a login; whoever ordered as a guest must be able to declare it.",
        de="Ein Widerruf darf keine Anmeldung erfordern; auch Gäste müssen ihn erklären können.",
    ),
    "excludes_right": text(
        tr="Bu kural kanuni bir hakkı ({kinds}) reddeder; mağaza kuralı bunu yapamaz. applies_to ile yalnızca isteğe "
        "bağlı iadelere uygulayın.",
        en="This rule refuses what stands by law ({kinds}), which a store's rule cannot. Say with applies_to that it "
        "is for voluntary returns.",
        de="Diese Regel verweigert, was kraft Gesetzes besteht ({kinds}); das kann eine Regel des Händlers nicht. "
        "Beschränken Sie sie mit applies_to auf freiwillige Rückgaben.",
    ),
    "unopened_only": text(
        tr="Açılmış, denenmiş ya da kurulmuş olmak kanuni hakkı ({kinds}) ortadan kaldırmaz.",
        en="Having opened, tried or installed the item does not end the right by law ({kinds}).",
        de="Öffnen, Ausprobieren oder Einbauen beendet das gesetzliche Recht nicht ({kinds}).",
    ),
    "extra_exception": text(
        tr="Kanundaki istisnalar sınırlıdır; {attributes} bunların arasında değil ya da koşulu eksik ({kinds}).",
        en="The law's list of exceptions is closed; {attributes} is not on it or lacks its condition ({kinds}).",
        de="Die gesetzliche Liste der Ausnahmen ist abschließend; {attributes} steht nicht darauf oder die "
        "Voraussetzung fehlt ({kinds}).",
    ),
    "later_refund": text(
        tr="Para iadesi için {days} gün söz verilmiş; kanun en çok {most} gün tanır.",
        en="The refund is promised within {days} days; the law allows {most} at most.",
        de="Die Erstattung ist binnen {days} Tagen versprochen; das Gesetz erlaubt höchstens {most}.",
    ),
    "late_review": text(
        tr="İnceleme için {days} gün ayrılmış; kanun para iadesi için en çok {most} gün tanır, tarih tutmaz.",
        en="A look at it may take {days} days; the law allows {most} at most until the money is back.",
        de="Für die Prüfung sind {days} Tage vorgesehen; das Gesetz erlaubt bis zur Erstattung höchstens {most}.",
    ),
    "shorter_liability": text(
        tr="İkinci el ürünlerde sorumluluk {months} ay yazılmış; kanuna göre {least} aydan az olamaz.",
        en="Liability for second-hand goods is {months} months; by law it is not less than {least}.",
        de="Die Haftung für gebrauchte Waren beträgt {months} Monate; nach dem Gesetz nicht weniger als {least}.",
    ),
    # -- conflict -----------------------------------------------------------------------------------------------------
    "anchor_set_aside": text(
        tr="Süreler teslimden önce başlıyor ({anchor}); kanunun süresi teslimle başlar ve her durumda geçerlidir.",
        en="Periods start before delivery ({anchor}); the law's period starts with it and holds in any case.",
        de="Die Fristen beginnen vor der Lieferung ({anchor}); die gesetzliche beginnt mit ihr und gilt in jedem Fall.",
    ),
    "remedy_set_aside": text(
        tr="Bu neden ayıplı malda kullanılırsa kanunun verdiği para iadesi yine sunulur.",
        en="Where this reason meets a right by law the money back is offered all the same.",
        de="Trifft dieser Grund auf ein gesetzliches Recht, wird die Erstattung trotzdem angeboten.",
    ),
    "late_together": text(
        tr="İnceleme ve ödeme birlikte {days} gün; kanun para iadesi için en çok {most} gün tanır ve onun son günü "
        "geçerlidir.",
        en="The look and the payment take {days} days together; the law allows {most} at most, and its day counts.",
        de="Prüfung und Zahlung dauern zusammen {days} Tage; das Gesetz erlaubt höchstens {most}, sein Tag gilt.",
    ),
    "reason_set_aside": text(
        tr="Kanuni bir talep ({kinds}) neden yazılmadan da yapılabilir; burada neden yalnız ticari alıcılara sorulur.",
        en="A claim that stands by law ({kinds}) needs no reason; only business buyers are asked for one here.",
        de="Ein gesetzlicher Anspruch ({kinds}) braucht keinen Grund; gefragt werden hier nur gewerbliche Käufer.",
    ),
    "carrier_not_offered": text(
        tr="İade için taşıyıcı belirtilmiş, ama bu koşullarda onunla gönderim yok; müşterinin seçtiği kargo da ona "
        "ücretsizdir.",
        en="A carrier is named for the way back, but these terms offer no way by it; whatever carrier the customer "
        "takes then costs them nothing.",
        de="Für die Rücksendung ist ein Beförderer benannt, aber kein Weg mit ihm angeboten; auch jeder andere kostet "
        "den Kunden dann nichts.",
    ),
    "second_hand_set_aside": text(
        tr="Bu hukukta ikinci el için sorumluluk kısaltılamaz; {months} ay geçerlidir.",
        en="Under this law the liability for second-hand goods cannot be cut; {months} months count.",
        de="Nach diesem Recht lässt sich die Haftung für Gebrauchtes nicht kürzen; es gelten {months} Monate.",
    ),
    "unreachable": text(
        tr="Bu kural hiçbir zaman karar vermez: ondan önceki {other} aynı satırları daha önce yakalar.",
        en="This rule never decides: {other} before it catches the same lines.",
        de="Diese Regel entscheidet nie: {other} davor erfasst dieselben Positionen.",
    ),
    "contradicts": text(
        tr="Bu kural {other} ile çelişir: aynı satırlar için başka bir yanıt verir ve hiç sıra bulamaz.",
        en="This rule contradicts {other}: it answers otherwise for the same lines and never has its turn.",
        de="Diese Regel widerspricht {other}: für dieselben Positionen antwortet sie anders und kommt nie zum Zug.",
    ),
    "nothing_left": text(
        tr="{other} ile birlikte hiçbir ürün kalmaz: ikisine birden uyan satır olamaz.",
        en="Together with {other} nothing is left: no line can satisfy both.",
        de="Zusammen mit {other} bleibt nichts übrig: keine Position kann beide erfüllen.",
    ),
    "fee_without_method": text(
        tr="{method} için ücret yazılmış, ama hiçbir koşul bu yöntemi sunmuyor.",
        en="There is a fee for {method}, but no terms offer that way back.",
        de="Für {method} ist ein Entgelt gesetzt, aber keine Bedingungen bieten diesen Weg an.",
    ),
    "fee_never": text(
        tr="Ücretler yazılmış, ama hiçbir iade türüne uygulanmıyor.",
        en="There are fees, but they apply to no kind of return.",
        de="Es sind Entgelte gesetzt, aber sie gelten für keine Art von Rückgabe.",
    ),
    "limits_cross": text(
        tr="Onaysız ödeme sınırı, iki kişi isteyen sınırın üstünde.",
        en="Refunds that need nobody reach above the limit from which two people are needed.",
        de="Erstattungen ohne Freigabe reichen über die Grenze, ab der zwei Personen nötig sind.",
    ),
    "bonus_without_credit": text(
        tr="Mağaza kredisi için ek yüzde yazılmış, ama hiçbir koşul kredi sunmuyor.",
        en="There is a bonus on store credit, but no terms offer store credit.",
        de="Es gibt einen Bonus auf Guthaben, aber keine Bedingungen bieten Guthaben an.",
    ),
    # -- gaps ---------------------------------------------------------------------------------------------------------
    "no_way_back": text(
        tr="Ürünün geri gelmesi gerekiyor, ama hiçbir gönderim yöntemi yok.",
        en="Goods are to come back, but there is no way back.",
        de="Ware soll zurückkommen, aber es gibt keinen Rückweg.",
    ),
    "missing_language": text(
        tr="Bu metnin {language} dilinde karşılığı yok; okuyucu başka bir dilde görür.",
        en="This text is missing in {language}; its readers see another language.",
        de="Dieser Text fehlt auf {language}; Leser sehen eine andere Sprache.",
    ),
    "window_zero": text(
        tr="Sıfır gün: süre başladığı gün dolar.",
        en="Zero days: the time ends on the day it starts.",
        de="Null Tage: die Frist endet am Tag ihres Beginns.",
    ),
    "other_currency": text(
        tr="Mağaza {currencies} ile de satıyor; {currency} tutarı orada karşılaştırılamaz ve uygulanmaz, kural bir "
        "görevliye sorar.",
        en="The store also sells in {currencies}; an amount in {currency} cannot be compared there: a rule asks a "
        "person, a fee is not taken.",
        de="Der Händler verkauft auch in {currencies}; ein Betrag in {currency} ist dort nicht vergleichbar: eine "
        "Regel fragt eine Person, ein Entgelt entfällt.",
    ),
    "no_law": text(
        tr="{country} hukuku elimizde yok; bu ülke için hiçbir denetim yapılmadı.",
        en="We hold no law of {country}; nothing was checked for it.",
        de="Wir kennen kein Recht von {country}; dafür wurde nichts geprüft.",
    ),
    # -- notes --------------------------------------------------------------------------------------------------------
    "two_laws": text(
        tr="Başka ülkedeki tüketiciyi kendi hukuku ({own}) ve mağazanın hukuku ({home}) birlikte korur; her soruda "
        "onun için daha iyi olan geçerlidir. Politika ikisine de uymalıdır.",
        en="A consumer abroad is protected by their own law ({own}) and by the store's ({home}); of each question the "
        "better answer for them counts. The policy has to keep both.",
        de="Verbraucher im Ausland schützt ihr eigenes Recht ({own}) und das des Händlers ({home}); je Frage gilt die "
        "für sie bessere Antwort. Die Regeln müssen beide einhalten.",
    ),
    "home_law": text(
        tr="Hukuku elimizde olmayan ülkelerdeki tüketiciler için satıcının ülkesinin hukuku ({home}) uygulanır.",
        en="For consumers of countries whose law we do not hold the law of the store's country ({home}) is applied.",
        de="Für Verbraucher aus Ländern, deren Recht uns fehlt, gilt das Recht des Landes des Händlers ({home}).",
    ),
    "beyond_law": text(
        tr="Kanunun {least} gününden {days}. güne kadar iade isteğe bağlıdır; kendi koşulları yalnız orada geçerlidir.",
        en="From the law's {least} days to day {days} returns are voluntary; their own conditions hold only there.",
        de="Nach den {least} gesetzlichen Tagen bis Tag {days} ist die Rückgabe freiwillig; nur dort gelten eigene "
        "Bedingungen.",
    ),
    "nothing_beyond": text(
        tr="İsteğe bağlı süre kanunun süresini aşmıyor: kendi koşulları yalnız istisna ürünlere ve ticari alıcılara "
        "ulaşır.",
        en="The voluntary time does not go beyond the law's: its own conditions reach only exempt goods and business "
        "buyers.",
        de="Die freiwillige Frist geht nicht über die gesetzliche hinaus: eigene Bedingungen treffen nur ausgenommene "
        "Ware und gewerbliche Käufer.",
    ),
    "after_the_law": text(
        tr="Bu koşullar kanuni süre dolduktan sonra geçerlidir; o süre içinde para iadesi de sunulur ve ücret alınmaz.",
        en="These terms hold once the law's time is over; within it the money back is offered as well, and no fee is "
        "taken.",
        de="Diese Bedingungen gelten nach Ablauf der gesetzlichen Frist; in ihr wird auch die Erstattung angeboten und "
        "kein Entgelt verlangt.",
    ),
    "evidence_not_here": text(
        tr="Bu nedenle cayan müşteriden belge istenmez.",
        en="A customer who withdraws for this reason is not asked for files.",
        de="Wer aus diesem Grund widerruft, wird nicht nach Nachweisen gefragt.",
    ),
    "own_carrier_by_law": text(
        tr="Cayan tüketici ürünü kendi seçtiği kargoyla da gönderebilir; listede olmasa da kabul edilir.",
        en="Whoever withdraws by law may also send the goods by a carrier of their own; it is accepted although the "
        "list leaves it out.",
        de="Wer gesetzlich widerruft, darf auch mit eigenem Versand zurücksenden; das wird angenommen, obwohl die "
        "Liste es auslässt.",
    ),
    "way_back_not_here": text(
        tr="Satıcının sorumlu olduğu iadelerde gönderim ücretini yine mağaza öder.",
        en="Where the seller answers for the goods the store pays the way back all the same.",
        de="Haftet der Händler für die Ware, trägt er die Rücksendekosten trotzdem.",
    ),
    "remedy_missing": text(
        tr="Kanun {remedies} hakkını da verir; listede olmasa da müşteriye sunulur.",
        en="The law also gives {remedies}; it is offered although the list leaves it out.",
        de="Das Gesetz gibt auch {remedies}; es wird angeboten, obwohl die Liste es auslässt.",
    ),
    "credit_first": text(
        tr="Mağaza kredisi ilk sırada; müşteri açıkça seçmedikçe kanuni iadede para geri verilir.",
        en="Store credit stands first; unless the customer chooses it, a return by law gives the money back.",
        de="Guthaben steht an erster Stelle; ohne ausdrückliche Wahl wird bei gesetzlicher Rückgabe Geld erstattet.",
    ),
    "reprice_voluntary": text(
        tr="Kampanyanın yeniden hesaplanması yalnız isteğe bağlı iadede ve koşul açıkça yazılmışsa geçerlidir.",
        en="Repricing a promotion holds for voluntary returns only, and where the term was clear.",
        de="Die Neuberechnung einer Aktion gilt nur bei freiwilliger Rückgabe und klarer Klausel.",
    ),
    "must_be_shown": text(
        tr="Politika satıştan önce gösterilmelidir; gösterilmezse eyalet hukuku geçerli olur.",
        en="The policy must be shown before the sale; else the law of the state holds.",
        de="Die Bedingungen müssen vor dem Kauf gezeigt werden; sonst gilt das Recht des Bundesstaats.",
    ),
}

KIND_NAMES: dict[str, Text] = {
    "withdrawal": text(tr="cayma", en="withdrawal", de="Widerruf"),
    "voluntary": text(tr="isteğe bağlı iade", en="voluntary return", de="freiwillige Rückgabe"),
    "damaged": text(tr="hasarlı ürün", en="damaged goods", de="beschädigte Ware"),
    "defective": text(tr="ayıplı ürün", en="defective goods", de="mangelhafte Ware"),
    "wrong_item": text(tr="yanlış ürün", en="wrong item", de="falsche Ware"),
    "missing_item": text(tr="eksik ürün", en="missing item", de="fehlende Ware"),
    "not_delivered": text(tr="teslim edilmeyen ürün", en="goods not delivered", de="nicht gelieferte Ware"),
    "late_delivery": text(tr="geç teslimat", en="late delivery", de="verspätete Lieferung"),
}
"""How each kind of a return line is called."""

REMEDY_NAMES: dict[str, Text] = {
    "refund": text(tr="sözleşmeden dönme ve para iadesi", en="the money back", de="die Rückzahlung"),
    "price_reduction": text(tr="bedel indirimi", en="a price reduction", de="eine Minderung"),
    "repair": text(tr="ücretsiz onarım", en="a free repair", de="eine kostenlose Reparatur"),
    "exchange": text(tr="misliyle değişim", en="a replacement", de="eine Ersatzlieferung"),
}
"""How what the law gives for defective goods is called, by the outcome that it becomes here."""

LANGUAGE_NAMES: dict[str, Text] = {
    "tr": text(tr="Türkçe", en="Turkish", de="Türkisch"),
    "en": text(tr="İngilizce", en="English", de="Englisch"),
    "de": text(tr="Almanca", en="German", de="Deutsch"),
}
"""How each language is called."""
