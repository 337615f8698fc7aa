/** The lines of storage and tools. */
import { choices, editions, type Line, sentences, words } from "./vocabulary.ts";

const storage = {
	closers: sentences`
		Felt feet keep it from marking the dresser.
		It is packed well enough to be posted as a present.
		Replacement cushions can be ordered one at a time.
		The maker signs each one underneath.
		Guaranteed for five years in daily use.`,
};

export const goodsLines: Line[] = [
	{
		...storage,
		category: "watch-winders",
		code: "WW",
		noun: "Watch Winder",
		makers: ["solvenne", "telluno", "auremar"],
		models: words`
			Perpetua, Rotunda, Carousel, Gyre, Orrery, Pivot, Evenfall, Solstice, Mainspring, Lullaby, Nightwatch, Pendulum, Windmill,
			Metronome, Waltz, Turntable, Almanac, Equinox, Planetary, Stillwater, Moonrise, Cloister, Roundel, Spindle`,
		editions: editions`
			Quiet = drive: Japanese
			Compact = = 0.85
			Heritage = = 1.1
			Travel = = 0.8
			Smart = = 1.2
			Glass = = 1.15
			Studio`,
		price: { from: 11900, to: 23900 },
		tags: ["winder", "storage"],
		axes: {
			colour: words`Walnut = WLN, Black = BLK, White = WHT, Oak = OAK, Racing green = GRN`,
			places: words`1 watch = 1, 2 watches = 2 = 1.5, 4 watches = 4 = 2.3`,
		},
		offers: [[2, 2], [1, 2], [1, 3], [2, 3], [2], [1], [3]],
		attributes: {
			drive: choices`
				Japanese motor, 10 dB = a Japanese motor you cannot hear from the bed = 1.2
				Belt drive, 15 dB = a belt drive that hums more softly than a refrigerator`,
			programmes: choices`
				650–950 turns a day = 650 to 950 turns a day
				500–1,200 turns a day = 500 to 1,200 turns a day`,
			power: words`Mains = the mains, Mains or battery = the mains or a pair of batteries = 1.08, USB-C`,
		},
		details: sentences`
			It has {drive} and can be set from {programmes}, in either direction.
			Power comes from {power}, and motion from {drive}.
			Set it anywhere from {programmes}; {drive} does the rest.`,
		openers: sentences`
			The {model} keeps an automatic watch set while you wear another one.
			Behind its glass door, the {model} turns, rests and turns again, as a wrist would.
			{brand} lined the {model} with soft microfibre and put the controls where they can be found.
			A calendar watch that has stopped is a chore, and the {model} saves you from it.
			The {model} looks like furniture and works like an instrument.`,
	},
	{
		...storage,
		category: "watch-boxes",
		code: "BX",
		noun: "Watch Box",
		makers: ["solvenne", "hollin-and-reed", "osterlind"],
		models: words`
			Alder, Library, Chapter, Bureau, Archive, Keepsake, Heirloom, Study, Vault, Coffer, Larder, Trinket, Gallery, Treasury, Haven,
			Stowaway, Joiner, Dovetail, Escritoire, Curator, Pantry, Sideboard, Inkwell, Attic`,
		editions: editions`
			Glass-Top = lid: Glass
			Drawer = = 1.2
			Stacking
			Locking = = 1.15
			Slim = = 0.9
			Grand = = 1.25
			Collector = = 1.15`,
		price: { from: 4900, to: 11900 },
		tags: ["box", "storage"],
		axes: {
			colour: words`Walnut = WLN, Black = BLK, Oak = OAK, Cherry = CHR, Navy = NVY, Tan = TAN`,
			places: words`4 watches = 4 = 0.8, 6 watches = 6, 10 watches = 10 = 1.4, 12 watches = 12 = 1.6`,
		},
		offers: [[2, 2], [3, 2], [1, 3], [1, 2], [2], [3], [1]],
		attributes: {
			lid: words`Glass lid = a glass lid, Solid lid = a solid lid, Half-glass lid = a half-glass lid`,
			lining: words`Velvet = velvet, Microsuede = microsuede, Wool felt = wool felt`,
			closure: words`Magnets = hidden magnets, Brass latch = a brass latch, Lock and key = a lock with two keys = 1.1`,
		},
		details: sentences`
			It is lined with {lining}, with {lid} above and {closure} to keep it shut.
			Under {lid}, soft cushions sit in {lining} and fit small wrists too.
			The lining is {lining}, and it closes with {closure}.`,
		openers: sentences`
			The {model} gives every watch a place and keeps the dust off all of them.
			Mitred corners and a soft-closing lid show where {brand} spent the time.
			The {model} looks at home on a dresser, a desk or a shelf.
			When the collection outgrows the bedside table, the {model} is the next step.
			The {model} holds its watches upright, so the one you want is the one you see.`,
	},
	{
		...storage,
		category: "watch-rolls",
		code: "RL",
		noun: "Watch Roll",
		makers: ["hollin-and-reed", "tarn-and-fell", "solvenne"],
		models: words`
			Overnight, Gladstone, Voyager, Concourse, Porter, Layover, Departure, Passport, Carryall, Weekender, Valet, Itinerary, Steamer,
			Compartment, Roundtrip, Stopover, Ferry, Terminus, Commuter, Sleeper, Platform, Lounge, Postcard, Carriage`,
		editions: editions`
			Canvas = outside: Waxed
			Slim = = 0.9
			Grand
			Suede = outside: Suede
			Hard-Shell = outside: Moulded
			Zip = closure: Zip
			Classic`,
		price: { from: 5900, to: 10900 },
		tags: ["roll", "travel", "storage"],
		axes: {
			colour: words`Cognac = CGN, Dark brown = BRN, Black = BLK, Navy = NVY, Forest green = GRN, Grey = GRY`,
			places: words`2 watches = 2 = 0.8, 3 watches = 3, 4 watches = 4 = 1.2`,
		},
		offers: [[2, 2], [3, 2], [1, 2], [1, 3], [3], [2]],
		attributes: {
			outside: words`
				Full-grain leather = full-grain leather, Waxed canvas = waxed canvas = 0.85, Suede = soft suede,
				Moulded shell = a moulded shell under leather = 1.2`,
			lining: words`Microsuede = microsuede, Velvet = velvet, Synthetic suede`,
			closure: words`Two snaps = two snaps, Buckled straps = two buckled straps, Zip = a zip that runs all round`,
		},
		details: sentences`
			The outside is {outside}, the inside {lining}, and it is held shut by {closure}.
			Sliding cushions in {lining} keep the watches from meeting, and {outside} keeps the world out.
			Made of {outside} and closed by {closure}, it takes knocks so the watches need not.`,
		openers: sentences`
			The {model} packs a good weekend's choice into the corner of a bag.
			Three nights away, one {model}, no scratched crystals.
			{brand} cut the {model} to fit the door pocket of a suitcase.
			The {model} rolls up tight at home and opens flat on a hotel desk.
			For watches that travel more than their owners admit, there is the {model}.`,
	},
	{
		category: "tools",
		code: "TL",
		editionFirst: true,
		noun: "",
		makers: ["millrace-supply", "pellorin", "osterlind"],
		models: choices`
			Spring Bar Tool = changes a strap without leaving a mark on the lugs = 0.7
			Screwdriver Set = fits the screws of nearly every bracelet and case back = 1.3
			Loupe = shows what the naked eye forgives = 0.9
			Case Back Opener = opens screwed backs evenly and does not slip = 1.1
			Demagnetiser = cures a watch that suddenly runs fast = 1.5
			Bracelet Sizing Kit = removes a link in two minutes and puts it back in three = 1
			Polishing Cloth Set = brings back the shine and takes nothing off = 0.5
			Timegrapher = listens to a movement and tells you how it feels = 6
			Crystal Press = seats a crystal or a snap back with even pressure = 1.9
			Brass Tweezers = picks up a jewel without scratching it = 0.7
			Hand Lifter = takes off hands without touching the dial = 0.8
			Movement Holder = keeps a movement still while you think = 0.9
			Strap Hole Punch = makes the one hole that is missing, cleanly = 0.9
			Dust Blower = clears a dial without a touch = 0.4
			Bench Mat = catches the screw before the floor does = 0.8
			Ultrasonic Cleaner = shakes years of dirt out of a bracelet = 3.2`,
		editions: editions`
			Workshop
			Pocket = = 0.85
			Travel = = 0.9
			Professional = = 1.4
			Bench = = 1.1
			Apprentice = = 0.75
			Fine = = 1.1
			Everyday = = 0.85
			Compact = = 0.9`,
		price: { from: 1900, to: 3900 },
		tags: ["tool", "care"],
		axes: { colour: words`Steel = STL, Black = BLK, Brass = BRS = 1.1, Blue = BLU` },
		offers: [[1], [1], [2], [3]],
		attributes: {
			finish: words`Hardened steel = hardened steel, Brass and steel = brass and steel, Anodised aluminium = anodised aluminium`,
			packing: words`Cotton pouch = a cotton pouch, Wooden case = a wooden case = 1.2, Card box = a plain card box`,
			warranty: words`5 years = five years, 10 years = ten years, 2 years = two years`,
		},
		details: sentences`
			The working parts are {finish}, and it comes in {packing}.
			Made of {finish}, it is sold in {packing} with spares that wear out.
			It comes in {packing} with a leaflet of four clear drawings.`,
		closers: sentences`
			Guaranteed for {warranty}, used well or badly.
			If you have never done this before, start with a watch you do not love yet.
			Watchmakers buy it too, and they are hard to please.
			Worn parts can be ordered singly.`,
		openers: sentences`
			This tool from {brand} {purpose}.
			Nothing clever, nothing missing: it {purpose}.
			{brand} makes one that {purpose}, year after year.
			Every bench needs one that {purpose}.`,
	},
];
