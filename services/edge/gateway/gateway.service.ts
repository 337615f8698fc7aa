import type http from "node:http";
import path from "node:path";
import type { ActionSchema, Context, Service, ServiceSchema } from "moleculer";
import ApiGateway from "moleculer-web";
import { type Catalogue, loadContracts } from "../../../lib/catalogue.ts";
import { answer, type Meta } from "../../../lib/contract.ts";
import type { Measurement } from "../../../lib/measurement.ts";
import { redisOf } from "../../../lib/redis.ts";
import { runtimeOf } from "../../../lib/runtime.ts";
import { defineService } from "../../../lib/service.ts";
import { doorsOf } from "./doors.ts";
import { Front, type Incoming } from "./front.ts";
import { storefrontProduct } from "./gateway.contract.ts";
import { drain, listen, makeServer } from "./http-server.ts";
import { windowsInRedis } from "./rate-limit.redis.ts";
import { windowsInMemory } from "./rate-limit.ts";
import { routeOf } from "./serve.ts";
import { storefrontOf } from "./storefront.ts";

// Less than the 10 s that the broker gives everything else to end.
const drainMs = 9000;
const redisOpensWithinMs = 500;

interface Gateway extends Service {
	server?: http.Server;
	front: Front;
	httpHandler(req: http.IncomingMessage, res: http.ServerResponse): Promise<void>;
	regenerateAllAutoAliases(): void;
	accept(req: http.IncomingMessage, res: http.ServerResponse): Promise<void>;
	drain(): Promise<void>;
}

const { rest } = (ApiGateway as ServiceSchema).actions as { rest: ActionSchema };

/**
 * Of the framework we take the way in, which makes of every request an action's context, tracked until it is answered. Its table of routes tries every
 * pattern in turn, publishes what nobody chose, and can be changed by anyone on the mesh: ours stands in its place.
 */
const framework = {
	...ApiGateway,
	actions: {
		rest: {
			...rest,
			async handler(this: Gateway, ctx: Context<{ req: Incoming }, Meta>): Promise<true> {
				await this.front.serve(ctx.params.req.exchange, ctx);
				return true;
			},
		},
	},
} as unknown as Partial<ServiceSchema>;

/** The gateway over the given contracts; a test brings its own. */
export const gatewayOver = (contracts: () => Promise<Catalogue>) =>
	defineService<Gateway>({
		name: "gateway",
		mixins: [framework],
		settings: {
			// The server is ours: the framework's cannot be told what to refuse. No route of its own either: its default publishes every action.
			server: false,
			routes: false,
			// A request and its answer cannot be copied, not even where params are.
			rootCallOptions: { paramsCloning: false },
			logRequest: null,
			logRequestParams: null,
			logResponse: null,
			logRouteRegistration: null,
		},
		actions: {
			storefrontProduct: answer(storefrontProduct, ctx => storefrontOf(ctx, ctx.params.idOrSlug)),
		},
		methods: {
			async accept(this: Gateway, req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
				const exchange = this.front.open(req, res);
				try {
					if (await this.front.admit(exchange)) await this.httpHandler(req, res);
				} catch (error) {
					exchange.refuse(error);
				}
			},
			// What the framework itself cannot do, such as another call while it is stopping.
			errorHandler: ({ exchange }: Incoming, _res: http.ServerResponse, error: unknown) => exchange.refuse(error),

			measurements(this: Gateway): Measurement[] {
				return this.front?.meter.measurements() ?? [];
			},
			/** Takes nothing new and ends what is under way. Doors close before rooms: the services behind are still there. */
			async drain(this: Gateway): Promise<void> {
				if (!this.server) return;
				this.front.isDraining = true;
				await drain(this.server, drainMs);
			},
		},
		created() {
			// Our routes never change with the registry.
			this.regenerateAllAutoAliases = () => undefined;
		},
		async started() {
			const catalogue = await contracts();
			const runtime = runtimeOf(this.broker);
			const redis = redisOf(this.broker);
			// Without it the first requests of a new gateway would be counted beside the shared windows. An outage must not keep the door closed.
			await redis?.opened(redisOpensWithinMs);
			this.front = new Front(runtime, catalogue.failures, this.logger, redis ? windowsInRedis(redis) : windowsInMemory());
			// Every route there is, whether or not its service runs anywhere: one that is away answers 503, never 404.
			for (const contract of catalogue.actions.values()) {
				const { rest } = contract;
				if (rest && (rest.cardProvider ?? runtime.config.payments) === runtime.config.payments)
					this.front.add(routeOf(contract, rest, this.front));
			}
			for (const door of doorsOf(this.broker, catalogue)) this.front.add(door);
			const server = makeServer(
				(req, res) => void this.accept(req, res),
				() => this.front.newRequestId(),
			);
			const { port } = await listen(server, runtime.config.port, "STOA_PORT");
			server.on("error", error => this.logger.error("HTTP server", error));
			this.server = server;
			this.logger.info(`Listening on port ${port}.`);
		},
		async stopped() {
			await this.drain();
		},
	});

export default gatewayOver(() => loadContracts(path.resolve(import.meta.dirname, "../..")));
