"""What a decision says to people, by code, in every language. A rule's own text from the policy goes before these."""

from __future__ import annotations

from rma.domain.texts import Text, text

SENTENCES: dict[str, Text] = {
    "window_over": text(
        tr="İade süresi {last_day} tarihinde doldu.",
        en="The time for this return ended on {last_day}.",
        de="Die Frist für diese Rückgabe endete am {last_day}.",
    ),
    "window_over_estimated": text(
        tr="Teslim tarihi bilinmiyor; tahmini tarihe göre iade süresi {last_day} tarihinde doldu. Ürün daha geç "
        "geldiyse bize bildirin.",
        en="The delivery date is not known; by our estimate the time for this return ended on {last_day}. If the item "
        "came later, tell us.",
        de="Das Lieferdatum ist nicht bekannt; nach unserer Schätzung endete die Frist am {last_day}. Kam die Ware "
        "später an, sagen Sie es uns.",
    ),
    "window_in_doubt": text(
        tr="Teslim tarihi bilinmiyor; tahmini tarihe göre iade süresi {last_day} tarihinde doldu. Ürün daha geç gelmiş "
        "olabileceği için ekibimiz talebinizi inceleyecek.",
        en="The delivery date is not known; by our estimate the time for this return ended on {last_day}. The item may "
        "have come later, so our team will look at your request.",
        de="Das Lieferdatum ist nicht bekannt; nach unserer Schätzung endete die Frist am {last_day}. Die Ware kann "
        "später angekommen sein, daher prüft unser Team Ihr Anliegen.",
    ),
    "withdrawal_over": text(
        tr="Cayma süresi {last_day} tarihinde doldu. Mağaza iadesi {other} tarihine kadar yapılabilir.",
        en="The withdrawal period ended on {last_day}. A voluntary return is possible until {other}.",
        de="Die Widerrufsfrist endete am {last_day}. Eine freiwillige Rückgabe ist bis {other} möglich.",
    ),
    "liability_over": text(
        tr="Satıcının ayıptan sorumluluğu {last_day} tarihinde sona erdi.",
        en="The seller's liability for this item ended on {last_day}.",
        de="Die Haftung des Verkäufers für diese Ware endete am {last_day}.",
    ),
    "not_delivered_yet": text(
        tr="Ürün henüz teslim edilmedi, bu yüzden geri gönderilemez. Teslimattan önce cayma hakkınızı "
        "kullanabilirsiniz.",
        en="The item has not been delivered yet, so it cannot be sent back. You can withdraw from the contract before "
        "delivery.",
        de="Die Ware ist noch nicht geliefert und kann daher nicht zurückgegeben werden. Sie können den Vertrag vor "
        "der Lieferung widerrufen.",
    ),
    "not_due_yet": text(
        tr="Ürünün en geç teslim tarihi {last_day}; bu tarih henüz geçmedi. Dilerseniz şimdi cayabilirsiniz.",
        en="The item is to be delivered by {last_day}; that day has not passed yet. You may withdraw now if you wish.",
        de="Die Ware ist bis {last_day} zu liefern; der Tag ist noch nicht vorbei. Sie können schon jetzt widerrufen.",
    ),
    "recorded_as_delivered": text(
        tr="Kayıtlara göre ürün {day} tarihinde teslim edildi; ekibimiz kargo şirketiyle birlikte inceleyecek.",
        en="Our records say the item was delivered on {day}; our team will look into it with the carrier.",
        de="Laut unseren Daten wurde die Ware am {day} zugestellt; unser Team klärt das mit dem Zusteller.",
    ),
    "recorded_as_under_way": text(
        tr="Kayıtlara göre ürün henüz yolda; ekibimiz kargo şirketiyle birlikte inceleyecek.",
        en="Our records say the item is still on its way; our team will look into it with the carrier.",
        de="Laut unseren Daten ist die Ware noch unterwegs; unser Team klärt das mit dem Zusteller.",
    ),
    "not_late": text(
        tr="Ürün {day} tarihinde, söz verilen süre içinde teslim edildi.",
        en="The item was delivered on {day}, within the promised time.",
        de="Die Ware wurde am {day} und damit fristgerecht zugestellt.",
    ),
    "delivered_late": text(
        tr="Ürün geç teslim edildi ve cayma süresi {last_day} tarihinde doldu; ekibimiz talebinizi inceleyecek.",
        en="The item came late and the withdrawal period ended on {last_day}; our team will look at your request.",
        de="Die Ware kam verspätet und die Widerrufsfrist endete am {last_day}; unser Team prüft Ihr Anliegen.",
    ),
    "exempt": text(
        tr="Bu ürün kanunen cayma hakkının istisnasıdır.",
        en="By law there is no right of withdrawal for this item.",
        de="Für diese Ware besteht gesetzlich kein Widerrufsrecht.",
    ),
    "quantity_left": text(
        tr="Bu kalemden en çok {left} adet iade edilebilir.",
        en="At most {left} of this item can be returned.",
        de="Von diesem Artikel können höchstens {left} Stück zurückgegeben werden.",
    ),
    "nothing_left": text(
        tr="Bu kalemden iade edilebilecek ürün kalmadı.",
        en="Nothing of this item is left to return.",
        de="Von diesem Artikel kann nichts mehr zurückgegeben werden.",
    ),
    "excluded": text(
        tr="Bu ürün mağazanın iade koşulları dışındadır.",
        en="The store's terms exclude this item from returns.",
        de="Diese Ware ist nach den Bedingungen des Händlers von der Rückgabe ausgeschlossen.",
    ),
    "excluded_country": text(
        tr="Bu ülkeden iade kabul edilmiyor.",
        en="Returns from this country are not taken.",
        de="Rückgaben aus diesem Land werden nicht angenommen.",
    ),
    "not_included": text(
        tr="Mağaza bu ürün için isteğe bağlı iade sunmuyor.",
        en="The store does not offer returns for this item.",
        de="Der Händler bietet für diese Ware keine Rückgabe an.",
    ),
    "line_value_below": text(
        tr="Ürünün tutarı, iade için gereken en düşük tutarın altında.",
        en="The value of the item is below the least value for a return.",
        de="Der Warenwert liegt unter dem Mindestwert für eine Rückgabe.",
    ),
    "line_value_above": text(
        tr="Ürünün tutarı yüksek olduğu için ekibimiz inceleyecek.",
        en="The value of the item is high, so our team will look at it.",
        de="Wegen des hohen Warenwerts prüft unser Team die Rückgabe.",
    ),
    "order_value_below": text(
        tr="Siparişin tutarı, iade için gereken en düşük tutarın altında.",
        en="The value of the order is below the least value for a return.",
        de="Der Bestellwert liegt unter dem Mindestwert für eine Rückgabe.",
    ),
    "order_value_above": text(
        tr="Siparişin tutarı yüksek olduğu için ekibimiz inceleyecek.",
        en="The value of the order is high, so our team will look at it.",
        de="Wegen des hohen Bestellwerts prüft unser Team die Rückgabe.",
    ),
    "other_currency": text(
        tr="Sipariş başka bir para biriminde; ekibimiz inceleyecek.",
        en="The order is in another currency; our team will look at it.",
        de="Die Bestellung lautet auf eine andere Währung; unser Team prüft die Rückgabe.",
    ),
    "no_return_period": text(
        tr="{first} – {last} arasındaki kampanya siparişlerinde isteğe bağlı iade yoktur.",
        en="Orders of the campaign from {first} to {last} cannot be returned by choice.",
        de="Bestellungen der Aktion vom {first} bis {last} können nicht freiwillig zurückgegeben werden.",
    ),
    "returns_on_order": text(
        tr="Bu siparişten daha önce iade yapıldığı için ekibimiz inceleyecek.",
        en="There were returns on this order before, so our team will look at it.",
        de="Zu dieser Bestellung gab es bereits Rückgaben; unser Team prüft das.",
    ),
    "returns_in_period": text(
        tr="Kısa sürede çok sayıda iade yapıldığı için ekibimiz inceleyecek.",
        en="There were many returns in a short time, so our team will look at it.",
        de="Es gab viele Rückgaben in kurzer Zeit; unser Team prüft das.",
    ),
    "reason_asks": text(
        tr="Bu iade nedenini ekibimiz inceleyecek.",
        en="Our team will look at returns for this reason.",
        de="Rückgaben aus diesem Grund prüft unser Team.",
    ),
    "business_buyer": text(
        tr="Ticari alımlarda tüketici iade koşulları geçerli değildir.",
        en="Consumer return terms do not hold for business purchases.",
        de="Für gewerbliche Käufe gelten die Rückgabebedingungen für Verbraucher nicht.",
    ),
    "evidence_wanted": text(
        tr="Talebinizi sonuçlandırmak için {count} dosya daha bekliyoruz (örneğin fotoğraf).",
        en="To decide on your request we need {count} more {count:file|files}, for example a photo.",
        de="Für die Entscheidung benötigen wir noch {count} {count:Datei|Dateien}, zum Beispiel ein Foto.",
    ),
    "evidence_missing": text(
        tr="İstenen belgeler süresi içinde gelmedi.",
        en="The evidence we asked for did not come in time.",
        de="Die angeforderten Nachweise kamen nicht rechtzeitig.",
    ),
    "evidence_late": text(
        tr="İstenen belgeler gelmedi; yasal hakkınız sürüyor, ekibimiz talebinizi inceleyecek.",
        en="The evidence we asked for did not come; your legal right stands and our team will look at your request.",
        de="Die Nachweise kamen nicht; Ihr gesetzliches Recht besteht weiter und unser Team prüft Ihr Anliegen.",
    ),
    "person_decides": text(
        tr="Bu mağazada her iadeyi bir yetkili inceler.",
        en="In this store a person looks at every return.",
        de="In diesem Geschäft prüft eine Person jede Rückgabe.",
    ),
    "override": text(
        tr="Mağaza bu iadeyi istisna olarak kabul etti.",
        en="The store accepted this return as an exception.",
        de="Der Händler hat diese Rückgabe als Ausnahme angenommen.",
    ),
}
