// Every node answers probes and scrapes on a port of its own, whichever services it runs. It opens before they start and closes after they have stopped;
// and it lets whatever takes requests from outside drain before any service is stopped, so that what is under way still finds everyone at home.
import http from "node:http";
import type { AddressInfo } from "node:net";
import { eventLoopUtilization } from "node:perf_hooks";
import type { Middleware, Service, ServiceBroker } from "moleculer";
import { ConfigError } from "../lib/config.ts";
import { type Measurement, prometheusText } from "../lib/measurement.ts";
import { readinessOf } from "../lib/readiness.ts";
import { runtimeOf } from "../lib/runtime.ts";

/** What a service may have for this port. `drain` ends what came from outside, `letGo` then what the service goes on with by itself. */
type Observed = Service & { measurements?(): Measurement[]; drain?(): Promise<void>; letGo?(): Promise<void> };

const addresses = new WeakMap<ServiceBroker, AddressInfo>();

/** Where the operations port of this broker's node listens; undefined while it does not. */
export const operationsAddress = (broker: ServiceBroker): AddressInfo | undefined => addresses.get(broker);

const gauge = (name: string, help: string, value: number): Measurement => ({ name, type: "gauge", help, samples: [{ value }] });
const counter = (name: string, help: string, value: number): Measurement => ({ name, type: "counter", help, samples: [{ value }] });

function processMeasurements(): Measurement[] {
	const { rss, heapUsed } = process.memoryUsage();
	const { user, system } = process.cpuUsage();
	return [
		counter("process_cpu_seconds_total", "Processor time used.", (user + system) / 1e6),
		gauge("process_resident_memory_bytes", "Memory resident.", rss),
		gauge("process_start_time_seconds", "When the process started, since 1970.", Math.round(performance.timeOrigin / 1000)),
		gauge("nodejs_heap_used_bytes", "JavaScript heap in use.", heapUsed),
		gauge(
			"nodejs_eventloop_utilization",
			"Share of the time since start in which the event loop worked.",
			eventLoopUtilization().utilization,
		),
	];
}

async function metrics(broker: ServiceBroker): Promise<string> {
	const { ready, stores } = await readinessOf(broker);
	const perStore = (name: string, help: string, value: (store: (typeof stores)[number]) => number): Measurement => ({
		name,
		type: "gauge",
		help,
		samples: stores.map(store => ({ labels: { service: store.service }, value: value(store) })),
	});
	return prometheusText([
		...processMeasurements(),
		gauge("stoa_ready", "Whether every store of this node answers.", ready ? 1 : 0),
		perStore("stoa_outbox_pending", "Facts that are stored and not numbered yet.", store => store.pending),
		perStore("stoa_outbox_oldest_seconds", "How long the oldest of them has waited.", store => store.oldestSeconds),
		perStore("stoa_outbox_head", "Position of the newest fact told.", store => store.head),
		...(broker.services as Observed[]).flatMap(service => service.measurements?.() ?? []),
	]);
}

async function answer(broker: ServiceBroker, req: http.IncomingMessage, res: http.ServerResponse): Promise<void> {
	const send = (status: number, type: string, body: string) => {
		res.writeHead(status, {
			"Content-Type": type,
			"Content-Length": Buffer.byteLength(body),
			"Cache-Control": "no-store",
			"X-Content-Type-Options": "nosniff",
		});
		res.end(req.method === "HEAD" ? undefined : body);
	};
	if (req.method !== "GET" && req.method !== "HEAD") return send(405, "text/plain; charset=utf-8", "GET only\n");
	if (req.url === "/healthz") return send(200, "application/json", '{"status":"alive"}\n');
	if (req.url === "/readyz") {
		const { ready, away } = await readinessOf(broker);
		return send(ready ? 200 : 503, "application/json", `${JSON.stringify({ status: ready ? "ready" : "notReady", away })}\n`);
	}
	if (req.url === "/metrics") return send(200, "text/plain; version=0.0.4; charset=utf-8", await metrics(broker));
	return send(404, "text/plain; charset=utf-8", "/healthz, /readyz, /metrics\n");
}

function listen(server: http.Server, port: number): Promise<void> {
	return new Promise((resolve, reject) => {
		server.once("error", (error: NodeJS.ErrnoException) => {
			reject(new ConfigError(`The operations port ${port} cannot be listened on (${error.code}). Set STOA_OPS_PORT to another one.`));
		});
		server.listen(port, resolve);
	});
}

export function operationsPort(): Middleware {
	let server: http.Server | undefined;
	return {
		name: "OperationsPort",

		async starting(broker: ServiceBroker) {
			const opened = http.createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (req, res) => {
				answer(broker, req, res).catch((error: Error) => {
					broker.logger.error("operations port", error);
					res.destroy();
				});
			});
			await listen(opened, runtimeOf(broker).config.opsPort);
			server = opened;
			addresses.set(broker, opened.address() as AddressInfo);
		},

		async stopping(broker: ServiceBroker) {
			const services = broker.services as Observed[];
			await Promise.all(services.map(service => service.drain?.()));
			await Promise.all(services.map(service => service.letGo?.()));
		},

		async stopped(broker: ServiceBroker) {
			addresses.delete(broker);
			server?.close();
			server?.closeAllConnections();
			server = undefined;
		},
	};
}
