/** The four lines of straps and bracelets, sold by colour and by the width between the lugs. */
import { choices, editions, type Line, sentences, words } from "./vocabulary.ts";

const strap = {
	offers: [[2, 2], [3, 2], [2, 3], [1, 2], [1, 3], [3], [4], [1, 4]],
	closers: sentences`
		Quick-release bars are fitted, so changing it takes half a minute.
		Measure between the lugs before you order; we exchange a wrong width free of charge.
		Give it a week on the wrist and it will feel like your own.
		It fits any watch with straight bars of the same width.
		A pair of spare spring bars is in the envelope.`,
};

const lugWidths = words`18 mm = 18, 20 mm = 20, 22 mm = 22, 24 mm = 24`;

export const strapLines: Line[] = [
	{
		...strap,
		category: "leather-straps",
		code: "LS",
		noun: "Leather Strap",
		makers: ["tarn-and-fell", "hollin-and-reed", "pellorin"],
		models: words`
			Oxbow, Saddler, Bridle, Cordwain, Harness, Fenland, Bramble, Wayfarer, Hearth, Ledger, Millbrook, Russet, Tallow, Barley, Larkspur,
			Croft, Hazel, Gatehouse, Satchel, Farrier, Heron, Cobbler, Tiller, Ashdown, Pommel, Cantle, Brogue, Quiver, Stirrup, Foxglove,
			Tannery, Hopyard, Almond, Sorrel, Beechnut, Thatch`,
		editions: editions`
			Padded
			Slim
			Vintage
			Two-Stitch
			Rally
			Suede = leather: Suede
			Waxed = leather: Waxed
			Long
			Military
			Heritage`,
		price: { from: 3900, to: 7900 },
		tags: ["strap", "leather"],
		axes: {
			colour: words`Cognac = CGN, Dark brown = BRN, Black = BLK, Honey tan = TAN, Oxblood = OXB, Olive = OLV, Navy = NVY, Grey = GRY`,
			width: lugWidths,
		},
		attributes: {
			leather: choices`
				Vegetable-tanned calf = vegetable-tanned calf
				Waxed cowhide = waxed cowhide that marks and polishes again
				Suede = soft suede with a short nap
				Shell cordovan = shell cordovan = 1.8`,
			buckle: words`
				Steel pin buckle = a steel pin buckle, Black pin buckle = a black pin buckle,
				Folding clasp = a folding clasp = 1.2`,
			length: words`75/115 mm, 80/120 mm`,
		},
		details: sentences`
			It is cut from {leather} and closed by {buckle}.
			The outside is {leather}, the lining is hypoallergenic nubuck.
			We cut it from {leather}, burnish the edge and finish it with {buckle}.
			At {length}, it suits most wrists, and {buckle} holds it.`,
		openers: sentences`
			The {model} makes an old watch look cared for and a new one look less new.
			Stitched by hand in runs of forty, the {model} is never quite the same twice.
			{brand} tapers the {model} by two millimetres, enough to sit well and not to look mean.
			The {model} starts stiff, softens in days and lasts for years.
			A change of strap is a change of watch, and the {model} is a good one.`,
	},
	{
		...strap,
		category: "steel-bracelets",
		code: "SB",
		noun: "Steel Bracelet",
		makers: ["pellorin", "millrace-supply", "brackwater"],
		models: words`
			Beadline, Rivetline, Foundry, Grainfield, Linkway, Anvil, Bessemer, Trestle, Girder, Brickwork, Cobble, Tramline, Forge, Lattice,
			Paling, Strand, Halyard, Ingot, Weir, Cinder, Crucible, Bellows, Plumbline, Gantry, Viaduct, Hammerton`,
		editions: editions`
			Mesh = links: Mesh
			Brushed
			Five-Link = links: Five
			Tapered
			Expansion
			Straight-End
			Heavy
			Vintage`,
		price: { from: 6900, to: 12900 },
		tags: ["bracelet", "steel"],
		axes: { colour: words`Steel = STL, Black = BLK = 1.1, Gold tone = GLD = 1.12, Two-tone = TWO = 1.12`, width: lugWidths },
		attributes: {
			links: choices`
				Three-row links = three rows of solid links
				Five-row links = five rows of small, supple links = 1.15
				Mesh = a close mesh that breathes in summer = 0.85`,
			clasp: words`
				Milled folding clasp = a milled folding clasp, Butterfly clasp = a butterfly clasp,
				Sliding clasp = a clasp that adjusts without a tool = 1.15`,
		},
		details: sentences`
			It has {links} and {clasp}.
			With {links}, it follows the wrist and does not pull hairs.
			All of it is solid 316L steel: {links}, and {clasp} to close them.`,
		openers: sentences`
			The {model} weighs what a steel bracelet should weigh and rattles not at all.
			The {model} is sized at the kitchen table with one small screwdriver.
			The {model} is brushed on top, polished at the sides and honest underneath.
			{brand} finishes the {model} by hand, end links included.
			Swap leather for the {model} in May and back again in October.`,
	},
	{
		...strap,
		category: "nato-straps",
		code: "NT",
		noun: "NATO Strap",
		makers: ["millrace-supply", "tarn-and-fell", "norrvik"],
		models: words`
			Regiment, Quartermaster, Kitbag, Bivouac, Rucksack, Pennant, Muster, Billet, Patrol, Groundsheet, Semaphore, Lanyard, Guyline,
			Canteen, Tarpaulin, Haversack, Outpost, Dispatch, Reveille, Boatswain, Ripcord, Mainsail, Spinnaker, Jackstay, Knapsack, Signalman`,
		editions: editions`
			Parade
			Seatbelt = weave: Seatbelt
			Ribbed = weave: Ribbed
			Single-Pass
			Canvas = weave: Canvas
			Marine
			Long
			Elastic = weave: Elastic`,
		price: { from: 1700, to: 2900 },
		tags: ["strap", "nato", "nylon"],
		axes: {
			colour: words`Navy and grey = NVG, Black = BLK, Olive = OLV, Red and blue = RDB, Sand = SND, Orange = ORG, Khaki = KHK`,
			width: lugWidths,
		},
		attributes: {
			weave: choices`
				Seatbelt nylon = tight seatbelt nylon
				Ribbed nylon = ribbed nylon
				Cotton canvas = cotton canvas = 1.15
				Elastic webbing = elastic webbing = 1.1`,
			hardware: words`Brushed steel = brushed steel, Polished steel = polished steel, Black steel = black-coated steel`,
			length: words`260 mm, 280 mm`,
		},
		details: sentences`
			It is woven from {weave}, with hardware in {hardware}.
			{Weave} with sealed holes and buckles of {hardware} make up all {length} of it.
			The cloth is {weave}; the keepers are welded, in {hardware}.`,
		openers: sentences`
			The {model} goes under the watch in one piece, so a lost spring bar never means a lost watch.
			Wash the {model} with the socks and wear it again the same evening.
			The {model} is the cheapest way to like an old watch again.
			{brand} weaves the {model} a little thinner than usual, so that it tucks away neatly.
			Wet, muddy or sandy, the {model} is rinsed and ready.`,
	},
	{
		...strap,
		category: "rubber-straps",
		code: "RB",
		noun: "Rubber Strap",
		makers: ["brackwater", "millrace-supply", "pellorin"],
		models: words`
			Splash, Tideline, Flume, Rapids, Estuary, Paddle, Cascade, Lido, Snorkel, Surfline, Finback, Delta, Monsoon, Spillway, Poolside,
			Lifeboat, Coxswain, Eddy, Geyser, Rainfall, Aqueduct, Freestyle, Buoy, Springtide, Backstroke, Millpond`,
		editions: editions`
			Tropic = surface: Tropic
			Ribbed = surface: Ribbed
			Smooth = surface: Smooth
			Curved-End
			Sport
			Long
			Vented
			Soft`,
		price: { from: 2400, to: 4900 },
		tags: ["strap", "rubber"],
		axes: {
			colour: words`Black = BLK, Navy = NVY, Orange = ORG, White = WHT, Sea green = GRN, Grey = GRY, Red = RED`,
			width: lugWidths,
		},
		attributes: {
			material: words`FKM rubber = FKM rubber = 1.2, Vulcanised rubber = vulcanised natural rubber, Silicone = medical silicone = 0.8`,
			surface: words`Tropic weave = a tropic weave, Ribbed = ribs that drain water, Smooth = a smooth matt finish`,
			buckle: words`Steel pin buckle = a steel pin buckle, Folding clasp = a folding clasp = 1.2`,
		},
		details: sentences`
			It is moulded from {material} with {surface} and closed by {buckle}.
			{Material} shrugs off sun cream, salt and chlorine, and {buckle} stays shut.
			The surface has {surface}, the inside is channelled to keep the wrist dry.`,
		openers: sentences`
			The {model} dries before you do.
			Soft on the wrist and hard to tear, the {model} belongs on a diving watch.
			The {model} does not collect dust, smell of anything or mind the sea.
			{brand} shaped the {model} to hug the case without a gap.
			For heat, rain and swimming, fit the {model} and forget it.`,
	},
];
