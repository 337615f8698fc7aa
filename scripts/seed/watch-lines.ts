/** The five lines of watches with hands. A model name belongs to one line only: that is what keeps names, and so slugs, apart. */
import { choices, editions, type Line, sentences, words } from "./vocabulary.ts";
import { sportStraps, straps, watch } from "./watch-family.ts";

export const watchLines: Line[] = [
	{
		...watch,
		category: "dive-watches",
		code: "DV",
		noun: "",
		makers: ["halden", "brackwater", "norrvik", "auremar"],
		models: words`
			Tidewater, Shoalmark, Deepwell, Kelpline, Saltmarsh, Undertow, Sounding, Reefguard, Ballast, Harbourlight, Skerry, Windlass,
			Lowtide, Ebbstone, Marlinspike, Groundswell, Stormglass, Plimsoll, Trawler, Keelson, Bluewater, Anchorhold, Driftnet, Spindrift,
			Capstan, Lagoon, Moray, Isobath, Outrigger, Gannet, Sandbar, Foghorn, Whitecap, Longshore, Seawall, Cormorant`,
		editions: editions`
			GMT = display: GMT = 1.2
			Titanium = case: Titanium
			Bronze = case: Bronze
			Automatic = movement: Automatic
			Date = display: Date
			Expedition
			Heritage
			Compressor = = 1.1
			Night = case: Black
			Professional = = 1.15
			Solar = movement: Solar`,
		price: { from: 34000, to: 62000 },
		tags: ["dive watch"],
		axes: {
			colour: words`
				Abyss blue = BLU, Black = BLK, Sea green = GRN, Signal orange = ORG, Slate grey = GRY, Turquoise = TRQ, Sand = SND`,
			size: words`38 mm = 38, 40 mm = 40, 42 mm = 42, 44 mm = 44`,
			strap: sportStraps,
		},
		attributes: {
			...watch.attributes,
			display: words`Time only = the time alone, Date = the time and the date, GMT = the time in two zones`,
			water: words`200 m = 200 metres, 300 m = 300 metres = 1.08, 500 m = 500 metres = 1.2`,
			lugs: words`20 mm, 22 mm`,
		},
		openers: sentences`
			The {model} was drawn for cold water, low light and thick gloves.
			Built for {water}, the {model} is just as happy at the bottom of a swimming pool.
			A diver's watch should be read at a glance, and the {model} shows {display} with nothing in the way.
			{brand} gave the {model} a bezel of 120 clicks, and none of them is loose.
			Salt, sand and sun are what the {model} was made for.
			The {model} borrows its broad hands from the tools of working divers.
			One turn of the bezel, one look at the wrist: the {model} keeps diving simple.`,
	},
	{
		...watch,
		category: "dress-watches",
		code: "DR",
		noun: "",
		makers: ["auremar", "osterlind", "vessaly", "corvane"],
		models: words`
			Belvoir, Largo, Sonnet, Vesper, Opaline, Adagio, Cadence, Marquetry, Alcove, Quartet, Cameo, Rondeau, Serein, Minuet, Parlour,
			Salon, Halcyon, Tiercel, Prelude, Colonnade, Overture, Chantry, Folio, Portico, Allegra, Nocturne, Damask, Filigree, Linden,
			Matinee, Rosette, Sable, Verso, Gallant, Aubade, Pavane`,
		editions: editions`
			Small Seconds = display: Small seconds
			Moon = display: Moon phase = 1.3
			Date = display: Date
			Slim = = 1.1
			Classic
			Signature = = 1.15
			Atelier = = 1.2
			Hand-Wound = movement: Hand-wound
			Anniversary = = 1.1
			Evening
			Reserve = = 1.12`,
		price: { from: 26000, to: 58000 },
		tags: ["dress watch"],
		axes: {
			colour: words`
				Ivory = IVR, Silver = SLV, Midnight blue = MDN, Black = BLK, Champagne = CHP, Salmon = SLM, Forest green = GRN,
				Burgundy = BRG`,
			size: words`34 mm = 34, 36 mm = 36, 38 mm = 38, 39 mm = 39`,
			strap: choices`
				Calfskin strap = CLF
				Suede strap = SDE
				Mesh bracelet = MSH = 1.08`,
		},
		attributes: {
			...watch.attributes,
			case: choices`
				Polished steel = polished steel
				Gold-plated steel = steel plated in yellow gold = 1.1
				Rose gold-plated steel = steel plated in rose gold = 1.12`,
			display: choices`
				Two hands = hours and minutes
				Small seconds = hours, minutes and a small seconds at six
				Date = the time and the date
				Moon phase = the time and the phase of the moon = 1.1`,
			water: words`30 m = 30 metres, 50 m = 50 metres`,
			lugs: words`18 mm, 20 mm`,
		},
		openers: sentences`
			The {model} slips under a cuff and stays there until somebody asks the time.
			A quiet dial and long, fine hands make the {model} a watch for evenings.
			{brand} kept the {model} to {display}, because a good dial needs room.
			The {model} owes its proportions to the thin watches of the late fifties.
			Few watches say less than the {model}, and few are noticed more.
			With its polished lugs and printed minute track, the {model} dresses up a plain shirt.
			Worn with a suit or with a jumper, the {model} never shouts.`,
	},
	{
		...watch,
		category: "field-watches",
		code: "FD",
		noun: "",
		makers: ["norrvik", "osterlind", "halden", "kestrow"],
		models: words`
			Moorland, Bracken, Waymark, Cairn, Drover, Ridgeway, Tussock, Fieldnote, Packhorse, Bothy, Fellrunner, Hedgerow, Longacre,
			Surveyor, Ploughman, Foothill, Cartwright, Orchard, Flint, Thicket, Gorse, Trailhead, Camber, Lowland, Pinewood, Quarry, Burrow,
			Woodsman, Turnpike, Milestone, Furrow, Kindling, Lookout, Heather, Sheepfold, Switchback`,
		editions: editions`
			Date = display: Date
			Solar = movement: Solar
			Titanium = case: Titanium
			Mechanical = movement: Hand-wound
			Automatic = movement: Automatic
			Expedition
			Classic
			Night = case: Black
			Standard
			Heritage
			Forester`,
		price: { from: 17000, to: 34000 },
		tags: ["field watch"],
		axes: {
			colour: words`Olive = OLV, Black = BLK, Cream = CRM, Khaki = KHK, Navy = NVY, Moss green = GRN, Stone grey = GRY`,
			size: words`36 mm = 36, 38 mm = 38, 40 mm = 40`,
			strap: straps,
		},
		attributes: {
			...watch.attributes,
			display: choices`
				Time only = the time alone
				Date = the time and the date
				Day and date = the time, the day and the date = 1.05`,
			water: words`100 m = 100 metres, 150 m = 150 metres`,
			lugs: words`18 mm, 20 mm`,
		},
		openers: sentences`
			The {model} is the watch for jobs that get your hands dirty.
			Twelve numerals, three honest hands: the {model} can be read at arm's length in the rain.
			{brand} built the {model} for walkers, and tested it on hills that deserve the name.
			The {model} carries the plain look of service watches into ordinary weekdays.
			Light on the wrist and hard to scratch, the {model} is the one you will not take off.
			There is nothing on the {model} that could catch on a sleeve or a rope.
			Leave the good watch at home and take the {model}.`,
	},
	{
		...watch,
		category: "pilot-watches",
		code: "PL",
		noun: "",
		makers: ["kestrow", "corvane", "halden", "vessaly"],
		models: words`
			Crosswind, Slipstream, Cloudbase, Aileron, Nightmail, Tailwind, Contrail, Windsock, Stratus, Vector, Glidepath, Propwash, Skyhook,
			Airmail, Thermal, Ascent, Fairing, Canopy, Squall, Beacon, Cirrus, Barnstormer, Rudder, Longhaul, Wingspan, Hangar, Nimbus,
			Updraught, Mistral, Headwind, Airfield, Biplane, Swiftwing, Zephyr, Altimeter, Kittiwake`,
		editions: editions`
			GMT = display: GMT = 1.2
			Automatic = movement: Automatic
			Titanium = case: Titanium
			Type B
			Big Date = display: Date
			Heritage
			Night = case: Black
			Navigator
			Mail Route
			Squadron
			Observer`,
		price: { from: 31000, to: 66000 },
		tags: ["pilot watch"],
		axes: {
			colour: words`Black = BLK, Night blue = BLU, Anthracite = ANT, Cream = CRM, Sky blue = SKY, Olive = OLV`,
			size: words`39 mm = 39, 41 mm = 41, 43 mm = 43`,
			strap: straps,
		},
		attributes: {
			...watch.attributes,
			display: words`Time only = the time alone, Date = the time and the date, GMT = the time in two zones`,
			water: words`100 m = 100 metres, 50 m = 50 metres`,
			lugs: words`20 mm, 22 mm`,
		},
		openers: sentences`
			The {model} puts a triangle at twelve and large numerals round it, so that up is always up.
			Night flights asked for dials like this one: the {model} glows evenly from edge to edge.
			{brand} drew the {model} with an old altimeter on the desk.
			The {model} shows {display}, large enough to read in turbulence.
			An oversized crown and a matt dial give the {model} the air of a cockpit instrument.
			The {model} travels well, from the window seat to the meeting after it.
			No glare, no fuss: the {model} is an instrument first and an ornament second.`,
	},
	{
		...watch,
		category: "chronographs",
		code: "CH",
		noun: "",
		makers: ["corvane", "auremar", "kestrow", "brackwater"],
		models: words`
			Lapmark, Hairpin, Paddock, Redline, Homestretch, Rallye, Chicane, Gridline, Apex, Tachymark, Sprint, Pacemaker, Circuit,
			Endurance, Velodrome, Pitstop, Interval, Corsa, Hillclimb, Straightaway, Checkpoint, Relay, Gearset, Tempo, Overtake,
			Steeplechase, Medley, Downhill, Regatta, Torque, Traverse, Slalom, Trackside, Stopclock, Camshaft, Marathon`,
		editions: editions`
			Twin-Counter
			Automatic = movement: Automatic
			Titanium = case: Titanium
			Flyback = movement: Automatic = 1.2
			Sport
			Heritage
			Tachymeter
			Racing
			Night = case: Black
			Bicompax = = 1.1
			Pulsometer = = 1.1`,
		price: { from: 48000, to: 98000 },
		tags: ["chronograph"],
		axes: {
			colour: words`
				White = WHT, Black = BLK, Racing green = GRN, Midnight blue = BLU, Silver = SLV, Burgundy = BRG, Salmon = SLM`,
			size: words`39 mm = 39, 41 mm = 41, 43 mm = 43`,
			strap: straps,
		},
		attributes: {
			...watch.attributes,
			display: choices`
				30-minute and 12-hour counters = counters for thirty minutes and twelve hours
				30-minute counter, small seconds = a thirty-minute counter and a small seconds`,
			water: words`50 m = 50 metres, 100 m = 100 metres`,
			lugs: words`20 mm, 22 mm`,
		},
		openers: sentences`
			The {model} times a lap, an egg or a long meeting with equal care.
			Two pushers with a crisp click set the {model} apart from watches that only look fast.
			{brand} gave the {model} {display}, each one easy to read.
			The {model} brings the tidy dials of sixties motor sport to the present.
			Press, press, reset: the {model} turns short waits into sport.
			On the {model}, the tachymeter scale stays outside and the dial stays clear.
			Made for people who like to know exactly how long, the {model} measures in fifths of a second.`,
	},
];
