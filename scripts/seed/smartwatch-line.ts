import { choices, editions, type Line, sentences, words } from "./vocabulary.ts";

export const smartwatchLine: Line = {
	category: "smartwatches",
	code: "SM",
	noun: "",
	makers: ["telluno", "norrvik", "kestrow"],
	models: words`
		Pulse One, Orbit, Signal, Loop, Aria, Tracer, Core, Halo, Meld, Lumen, Axis, Verve, Stride, Node, Ping, Beam, Onda, Kinet, Arc,
		Facet, Tandem, Glance, Tally, Nudge, Mosaic, Pilotfish, Daybreak, Sidekick`,
	editions: editions`
		Sport
		Lite = = 0.7
		Plus = = 1.2
		Active
		Trail = = 1.15
		Max = = 1.35
		LTE = connectivity: LTE
		Studio
		Swim`,
	price: { from: 14900, to: 32900 },
	tags: ["smartwatch"],
	axes: {
		colour: words`Graphite = GPH, Silver = SLV, Deep blue = BLU, Coral = CRL, Mint = MNT, Black = BLK, Sand = SND`,
		size: words`41 mm = 41, 45 mm = 45 = 1.1`,
	},
	offers: [[1, 2], [2, 2], [3, 2], [3], [2], [4]],
	attributes: {
		display: choices`
			1.3 in AMOLED = a 1.3 inch AMOLED display
			1.4 in AMOLED = a 1.4 inch AMOLED display = 1.1
			1.2 in transflective = a transflective display that loves the sun`,
		battery: words`7 days = a week, 10 days = ten days = 1.05, 14 days = two weeks = 1.1, 48 hours = two full days`,
		connectivity: choices`
			Bluetooth 5.3 = Bluetooth
			Bluetooth and GPS = Bluetooth and GPS = 1.15
			LTE and GPS = LTE and GPS = 1.35`,
		water: words`50 m = 50 metres, 100 m = 100 metres = 1.05`,
		warranty: words`2 years = two years, 3 years = three years`,
	},
	details: sentences`
		It has {display}, talks over {connectivity} and runs for {battery} on a charge.
		One charge lasts {battery}, even with {connectivity} switched on.
		Heart rate, sleep and steps are shown on {display}, and stay on the watch unless you say otherwise.
		{Display} keeps everything readable, and water stays out to {water}.`,
	closers: sentences`
		The buttons are real buttons, and they work with gloves on.
		Straps change with a press, and there are plenty to choose from.
		Guaranteed for {warranty}, with updates for as long.
		It works with both kinds of telephone and needs no account.
		A charging cradle and a spare strap are in the box.`,
	openers: sentences`
		The {model} tells you what matters and keeps quiet about the rest.
		A smartwatch need not look like a telephone, and the {model} does not.
		{brand} made the {model} for people who would rather be outside.
		Glance at the {model}, know what you need, look up again.
		The {model} counts what your day was made of, from stairs to sleep.`,
};
