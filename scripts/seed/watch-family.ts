/** What every mechanical or quartz watch of the shop shares: its inside, and the sentences about it. */
import { choices, type Family, sentences } from "./vocabulary.ts";

export const watch = {
	offers: [[1], [2], [3], [4], [2, 2], [3, 2], [1, 2], [1, 1, 2], [2, 1, 2], [3, 1, 2], [3], [2]],
	attributes: {
		movement: choices`
			Automatic, 42 h = a self-winding movement with 42 hours in reserve = 1.25
			Automatic, 70 h = a self-winding movement that runs a whole weekend off the wrist = 1.5
			Hand-wound, 50 h = a hand-wound movement with 50 hours in reserve = 1.3
			Quartz, 4-year battery = a quartz movement with four years in its battery = 0.6
			Solar quartz = a quartz movement that charges in any light = 0.75`,
		case: choices`
			316L steel = brushed 316L steel
			Titanium = grade 2 titanium = 1.2
			Bronze = marine bronze = 1.15
			Black steel = black-coated steel = 1.08`,
		crystal: choices`
			Flat sapphire
			Domed sapphire = domed sapphire = 1.05
			Double-domed sapphire = double-domed sapphire = 1.08
			Box sapphire = a box-shaped sapphire = 1.08`,
		warranty: choices`
			2 years = two years
			3 years = three years = 1.02
			5 years = five years = 1.06`,
	},
	details: sentences`
		{Movement} does the work under {crystal}.
		The case is {case}, sealed to {water}, with {crystal} on top.
		We chose {movement}, {crystal} and a case of {case}, and left out the rest.
		The case is made of {case}; inside is {movement}.
		It pairs {case} with {movement}, and keeps water out to {water}.
		Behind {crystal} sits {movement}, and the seals hold to {water}.
		At its heart is {movement}, in a case of {case}.`,
	closers: sentences`
		Guaranteed for {warranty}, and serviced in our own workshop for as long as you wear it.
		The lugs stand {lugs} apart, so most straps you already own will fit.
		Quick-release bars let you change the strap without a tool.
		It arrives in a linen-lined box with {warranty} of guarantee.
		If it is a present, we set it to the right time before it leaves us.
		The crown is easy to grip and clicks home.
		Every piece is checked on the timing bench for three days before it ships.
		The case back is left plain, ready for an engraving.`,
} satisfies Partial<Family>;

export const straps = choices`
	Leather strap = LTH
	Steel bracelet = STL = 1.12
	Canvas strap = CNV = 0.97`;

export const sportStraps = choices`
	Rubber strap = RBR
	Steel bracelet = STL = 1.12
	NATO strap = NTO = 0.96`;
