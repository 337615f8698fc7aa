import type { Language } from "./templates.ts";

export const german: Language = ({ money, time }) => ({
	"order.confirmed": ({ orderNumber, amount }) => ({
		title: `Bestellung ${orderNumber} ist bestätigt`,
		body: `Vielen Dank. Ihre Bestellung ${orderNumber} über ${money(amount)} ist bei uns, und wir machen sie fertig.`,
	}),
	"order.onHold": ({ orderNumber, amount }) => ({
		title: `Bestellung ${orderNumber} wird geprüft`,
		body: `Vielen Dank. Ihre Bestellung ${orderNumber} über ${money(amount)} ist bei uns, und wir prüfen sie, bevor wir sie fertig machen. Sie müssen nichts tun; wir melden uns, sobald es weitergeht.`,
	}),
	"order.cancelled": ({ orderNumber, amount }) => ({
		title: `Bestellung ${orderNumber} ist storniert`,
		body: `Ihre Bestellung ${orderNumber} über ${money(amount)} ist storniert. Es wird nichts verschickt, und was Sie dafür bezahlt haben, geht dorthin zurück, woher es kam.`,
	}),
	"payment.refunded": ({ orderNumber, amount }) => ({
		title: `Erstattung zur Bestellung ${orderNumber}`,
		body: `Wir haben ${money(amount)} zu Ihrer Bestellung ${orderNumber} dorthin zurückgegeben, woher die Zahlung kam. Bis Ihre Bank es zeigt, können einige Tage vergehen.`,
	}),
	"account.newLogin": ({ at }) => ({
		title: "Neue Anmeldung in Ihrem Konto",
		body: `Am ${time(at)} hat sich jemand mit einem Gerät, das wir nicht kennen, in Ihrem Konto angemeldet. Waren Sie das, müssen Sie nichts tun. Wenn nicht, ändern Sie jetzt Ihr Passwort: damit enden alle anderen Sitzungen.`,
	}),
	"account.passwordChanged": ({ at }) => ({
		title: "Ihr Passwort wurde geändert",
		body: `Das Passwort Ihres Kontos wurde am ${time(at)} geändert, und alle anderen Sitzungen wurden beendet. Waren Sie das nicht, schreiben Sie uns sofort.`,
	}),
	"account.flagged": () => ({
		title: "Etwas Ungewöhnliches in Ihrem Konto",
		body: "Was zuletzt in Ihrem Konto geschah, sieht ungewöhnlich aus. Bis wir es angesehen haben, kann Ihre Bank Sie bitten, eine Zahlung noch einmal zu bestätigen. Sie müssen nichts tun.",
	}),
	"cart.abandoned": () => ({
		title: "In Ihrem Warenkorb liegt noch etwas",
		body: "Was Sie ausgesucht haben, liegt noch in Ihrem Warenkorb. Zurückgelegt ist es nicht: kommen Sie wieder, solange es da ist.",
	}),
	"operator.userFlagged": ({ userId }) => ({
		title: `Benutzer ${userId} wurde markiert`,
		body: `Die Regeln haben den Benutzer ${userId} markiert. Was sie sahen: fraud show ${userId}`,
	}),
	"operator.deadLetter": ({ letterId, group, what }) => ({
		title: `Unzustellbar bei ${group}: ${what}`,
		body: `${group} hat ${what} nach allen Versuchen aufgegeben. Warum: dlq show ${letterId}. Noch einmal versuchen: dlq redrive ${letterId}`,
	}),
});
