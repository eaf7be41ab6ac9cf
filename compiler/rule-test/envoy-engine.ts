// Rule tests through a real Envoy: real sockets, a real upstream, real services, all on loopback. One
// Envoy serves all tests of a file.

import http from "node:http";
import type { Headers } from "../../host/index.ts";
import { wasmPath } from "../assets.ts";
import { readBody, serve } from "../gateway/demo.ts";
import { type RunningEnvoy, startEnvoy } from "../gateway/envoy.ts";
import { envoyBootstrap } from "../targets/envoy.ts";
import { changes, framingViolations, type Outcome, type Seen } from "./expect.ts";
import {
  type Answer,
  bodyOf,
  headersOf,
  lengthOf,
  type Passage,
  propertiesOf,
  type RuleTest,
  type TestRequest,
} from "./format.ts";

interface Backend {
  url: string;
  close(): Promise<void>;
  seen: Seen[];
  answer: Answer | undefined;
}

/** The one member of lines of the access log, and what those begin with. */
const MEMBER = "ruleway properties";
const LINE = `{"${MEMBER}":`;

const NO_PROPERTIES = `${LINE}{}}`;

/** Its lines so far, one for each request. */
interface AccessLog {
  count: number;
  last: string;
}

interface AccessLine {
  [MEMBER]: Record<string, string | null>;
}

/** Members of an access log with these properties, which Envoy has as filter state of `wasm`. */
function accessLogOf(properties: string[]): object {
  const values = properties.map((name) => [name, `%FILTER_STATE(wasm.${name}:PLAIN)%`]);
  return { [MEMBER]: Object.fromEntries(values) as object };
}

/** What services answer in the passage of that number, or, after the last one, in the test itself. */
function answersBefore(test: RuleTest | undefined, i: number): RuleTest["services"] {
  return test?.before?.[i]?.services ?? test?.services;
}

/** A server that records what it gets and answers what it is told to. */
async function startBackend(): Promise<Backend> {
  const backend: Backend = { url: "", close: async () => {}, seen: [], answer: {} };
  const server = await serve((request, response) => {
    const seen: Seen = { headers: requestHeaders(request), body: new Uint8Array() };
    // Whatever becomes of its body, it was seen, and by this test.
    backend.seen.push(seen);
    readBody(request).then(
      (body) => {
        seen.body = body;
        void respond(response, backend.answer);
      },
      () => response.destroy(),
    );
  });
  return Object.assign(backend, server);
}

async function respond(response: http.ServerResponse, answer: Answer | undefined): Promise<void> {
  if (!answer || answer.fail) {
    response.destroy();
    return;
  }
  await pause(answer.delay ?? 0);
  const names = headersOf(answer).flat();
  const status = answer.status ?? 200;
  const pieces = bodyOf(answer);
  const isBodiless = status === 204 || status === 304;
  if (pieces.length === 0 && !isBodiless) names.push("content-length", "0");
  response.writeHead(status, names as unknown as http.OutgoingHttpHeaders);
  for (const piece of isBodiless ? [] : pieces) {
    response.write(piece);
    // So that pieces travel as pieces.
    if (pieces.length > 1) await pause(5);
  }
  response.end();
}

function pause(ms: number): Promise<void> {
  return ms > 0 ? new Promise((resolve) => setTimeout(resolve, ms)) : Promise.resolve();
}

function requestHeaders(request: http.IncomingMessage): Headers {
  const headers: Headers = [
    [":authority", request.headers.host ?? ""],
    [":path", request.url ?? ""],
    [":method", request.method ?? ""],
  ];
  return [...headers, ...rawPairs(request.rawHeaders)];
}

function rawPairs(raw: string[]): Headers {
  const pairs: Headers = [];
  for (let i = 0; i + 1 < raw.length; i += 2) pairs.push([raw[i]!.toLowerCase(), raw[i + 1]!]);
  return pairs;
}

/** Runs tests one after another on one Envoy. */
export class EnvoyEngine {
  private constructor(
    private readonly envoy: RunningEnvoy,
    private readonly upstream: Backend,
    private readonly services: Record<string, Backend>,
    /** What came to the services since the start is of the one test that it was started for. */
    private readonly isFresh: boolean,
    private readonly accessLog: AccessLog,
  ) {}

  /** Requests so far. */
  private requests = 0;

  static async start(
    binary: string,
    rules: object,
    serviceOfCluster: Record<string, string>,
    tests: RuleTest[],
    isFresh = false,
  ): Promise<EnvoyEngine> {
    const only = isFresh ? tests[0] : undefined;
    const accessLog: AccessLog = { count: 0, last: NO_PROPERTIES };
    const properties = [...new Set(tests.flatMap(propertiesOf))];
    const upstream = await startBackend();
    const services: Record<string, Backend> = {};
    const clusters: Record<string, string> = {};
    for (const [cluster, service] of Object.entries(serviceOfCluster)) {
      services[service] ??= await startBackend();
      services[service].answer = answersBefore(only, 0)?.[service];
      clusters[cluster] = services[service].url;
    }
    try {
      const envoy = await startEnvoy({
        envoy: binary,
        flushMs: 20,
        onLine(line) {
          if (!line.startsWith(LINE)) return;
          accessLog.count++;
          accessLog.last = line;
        },
        bootstrap: (ports) =>
          envoyBootstrap({
            ...ports,
            ...{ rules, wasmPath: wasmPath(), upstream: upstream.url, clusters },
            accessLog: accessLogOf(properties),
          }),
      });
      return new EnvoyEngine(envoy, upstream, services, isFresh, accessLog);
    } catch (error) {
      await Promise.all([upstream, ...Object.values(services)].map((each) => each.close()));
      throw error;
    }
  }

  async run(test: RuleTest): Promise<Outcome> {
    const backends = [this.upstream, ...Object.values(this.services)];
    if (!this.isFresh) for (const backend of backends) backend.seen = [];
    this.upstream.answer = test.upstream ?? {};
    const passages = test.before ?? [];
    for (let i = 0; i <= passages.length; i++) {
      for (const [name, backend] of Object.entries(this.services)) {
        backend.answer = answersBefore(test, i)?.[name];
      }
      if (i < passages.length) await this.pass(passages[i]!);
      if (i === passages.length - 1) await this.awaitCalls(test);
    }
    this.upstream.seen = [];
    const metrics = await this.metricsBefore(test);
    const logBefore = this.isFresh ? 0 : this.envoy.log().length;
    const outcome: Outcome = {
      ...{ calls: {}, commands: {}, log: [], properties: {}, metrics: {}, violations: [] },
    };
    const isHead = test.request?.method === "HEAD";
    outcome.response = await this.request(test.request).catch((error: NodeJS.ErrnoException) => {
      if (error.code === "ETIMEDOUT") outcome.violations.push("the client got no answer in time");
      return undefined;
    });
    if (outcome.response) {
      outcome.violations.push(...framingViolations("response", outcome.response, isHead));
    }
    // The log of a stream is written once it has ended, a moment after the client has its answer.
    await this.awaitLog(test, logBefore, outcome);
    outcome.properties = await this.properties();
    // So is what the stream tells others of itself.
    await this.awaitSeen(test, 1);
    if (metrics) await this.awaitMetrics(test, metrics, outcome);
    outcome.upstream = this.upstream.seen[0];
    for (const [name, backend] of Object.entries(this.services)) outcome.calls[name] = backend.seen;
    return outcome;
  }

  private async pass(passage: Passage): Promise<void> {
    await pause(lengthOf(passage));
    if (!passage.request) return;
    for (let i = passage.times ?? 1; i > 0; i--) await this.request(passage.request);
  }

  /** What tasks send by the clock may come a moment late. */
  private async awaitCalls(test: RuleTest): Promise<void> {
    await this.awaitSeen(test, 0);
    // So that their answers are there too.
    await pause(100);
  }

  /** Until the services have seen what they should, of one request without a list `single`; a second at
   * the most. */
  private async awaitSeen({ expect }: RuleTest, single: number): Promise<void> {
    const isThere = ([name, expected]: [string, unknown]) => {
      const wanted = Array.isArray(expected) ? expected.length : expected === "none" ? 0 : single;
      return !this.services[name] || this.services[name].seen.length >= wanted;
    };
    for (let tries = 0; tries < 50; tries++) {
      if (Object.entries(expect.calls ?? {}).every(isThere)) break;
      await pause(20);
    }
  }

  private async awaitLog(test: RuleTest, from: number, outcome: Outcome): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      const lines = this.envoy.log().slice(from).split("\n");
      outcome.log = lines.filter((line) => !line.startsWith(LINE));
      const isComplete = (test.expect.log ?? []).every((line) =>
        outcome.log.some((each) => each.includes(line)),
      );
      if (isComplete) return;
      await pause(20);
    }
  }

  /** What the access log says of the last request, once it does; a second at the most. */
  private async properties(): Promise<Record<string, string>> {
    for (let tries = 0; tries < 50 && this.accessLog.count < this.requests; tries++)
      await pause(20);
    const { [MEMBER]: values } = JSON.parse(this.accessLog.last) as AccessLine;
    const isSet = (pair: [string, string | null]): pair is [string, string] => pair[1] !== null;
    return Object.fromEntries(Object.entries(values).filter(isSet));
  }

  private async metrics(): Promise<Record<string, number>> {
    const page = await this.envoy.admin("/stats?filter=^wasmcustom");
    const lines = [...page.matchAll(/^wasmcustom\.(\S+): (\d+)$/gm)];
    return Object.fromEntries(lines.map(([, name, value]) => [name, Number(value)]));
  }

  /** What there is before the request of a test that asks for metrics. */
  private async metricsBefore({ expect }: RuleTest): Promise<Record<string, number> | undefined> {
    if (!expect.metrics) return undefined;
    // Streams of requests before may end a moment after their answers.
    await pause(100);
    return this.metrics();
  }

  private async awaitMetrics(
    test: RuleTest,
    before: Record<string, number>,
    outcome: Outcome,
  ): Promise<void> {
    for (let tries = 0; tries < 50; tries++) {
      outcome.metrics = changes(before, await this.metrics());
      const wanted = Object.entries(test.expect.metrics ?? {});
      if (wanted.every(([name, n]) => (outcome.metrics[name] ?? 0) === n)) return;
      await pause(20);
    }
  }

  private request(request: TestRequest = {}): Promise<Seen> {
    this.requests++;
    const pieces = bodyOf(request);
    const names = ["host", request.host ?? "example.com", ...headersOf(request).flat()];
    if (request.chunks) names.push("transfer-encoding", "chunked");
    return new Promise((resolve, reject) => {
      const outgoing = http.request({
        host: "127.0.0.1",
        port: this.envoy.port,
        method: request.method ?? (pieces.length ? "POST" : "GET"),
        path: request.path ?? "/",
        headers: names as unknown as http.OutgoingHttpHeaders,
        setHost: false,
        timeout: 10_000,
        agent: false,
      });
      outgoing.on("timeout", () =>
        outgoing.destroy(Object.assign(new Error("no answer"), { code: "ETIMEDOUT" })),
      );
      outgoing.on("error", reject);
      outgoing.on("response", (incoming) => {
        readBody(incoming).then((body) => {
          const headers: Headers = [
            [":status", String(incoming.statusCode)],
            ...rawPairs(incoming.rawHeaders),
          ];
          resolve({ headers, body });
        }, reject);
      });
      void (async () => {
        for (const piece of pieces) {
          if (outgoing.destroyed) return;
          outgoing.write(piece);
          if (pieces.length > 1) await pause(5);
        }
        outgoing.end();
      })();
    });
  }

  async stop(): Promise<void> {
    await this.envoy.stop();
    await Promise.all([this.upstream, ...Object.values(this.services)].map((each) => each.close()));
  }

  get log(): string {
    return this.envoy.log();
  }
}
