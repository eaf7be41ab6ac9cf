// Rule tests in the embedded host: no sockets, a clock that only moves when it must. So the same test
// gives the same result every time, and bodies can be cut in any way.

import {
  getHeader,
  type Headers,
  type HostOptions,
  type HttpCall,
  type HttpStream,
  ManualClock,
  Plugin,
  type Sink,
  type StreamInfo,
} from "../../host/index.ts";
import { type Artefact, filterModule } from "../assets.ts";
import { framingViolations, type Outcome, type Seen } from "./expect.ts";
import {
  type Answer,
  bodyOf,
  headersOf,
  lengthOf,
  type RuleTest,
  type TestRequest,
} from "./format.ts";
import { ScriptedRedis } from "./redis.ts";

/** Milliseconds; no callout takes longer. */
const DAY = 86_400_000;

/** How a body is cut: pieces in, pieces out. */
export type Cut = (pieces: Uint8Array[]) => Uint8Array[];

/** What is not as it is by default around the filter. */
export interface World {
  options?: HostOptions & { clock?: ManualClock };
  /** Properties of the stream. */
  info?: StreamInfo;
  /** The filter that the rules need. */
  artefact?: Artefact | undefined;
}

/** Runs the test against the rules (as JSON); `cut` decides in what pieces bodies come. */
export function runInNode(
  json: string,
  serviceOfCluster: Record<string, string>,
  test: RuleTest,
  cut: Cut,
  world: World = {},
): Outcome {
  const outcome: Outcome = { calls: {}, commands: {}, log: [], violations: [] };
  const clock = world.options?.clock ?? new ManualClock();
  const redis = new ScriptedRedis({
    service: (cluster) => serviceOfCluster[cluster],
    answer: (service) => test.services?.[service],
    onCommand(service, words) {
      outcome.commands[service] ??= [];
      outcome.commands[service].push(words);
    },
    onProblem: (text) => outcome.violations.push(text),
    later(delay, action) {
      clock.after(delay, action);
      clock.advance(delay);
    },
  });
  const plugin = new Plugin(filterModule(world.artefact), {
    redis,
    allowOnHeadersStopIteration: true,
    clock,
    hasCluster: (name) => serviceOfCluster[name] !== undefined || name === UPSTREAM,
    log: (_level, text) => outcome.log.push(text),
    httpCall: (call) => answerCall(call),
    onTrap: (error) => outcome.violations.push(`the filter trapped: ${error.message}`),
    ...world.options,
  });
  let services = test.services;
  let forwarded: Seen | undefined;
  const answerCall = (call: HttpCall) => {
    const service = serviceOfCluster[call.cluster];
    const seen = { headers: call.headers, body: call.body };
    if (service === undefined) {
      // The upstream of the route, asked by a callout.
      forwarded ??= seen;
      const given = test.upstream ?? {};
      clock.after(given.delay ?? 0, () =>
        call.respond({ headers: answerHeaders(given), body: join(bodyOf(given)) }),
      );
      clock.advance(given.delay ?? 0);
      return;
    }
    outcome.calls[service] ??= [];
    outcome.calls[service].push(seen);
    const answer = services?.[service];
    if (!answer) {
      outcome.violations.push(`calls.${service}: the test has no answer for this service`);
      call.fail();
      return;
    }
    // The time-out was set at the same moment: advancing decides which of the two comes first.
    clock.after(answer.delay ?? 0, () => {
      if (answer.fail) call.fail();
      else call.respond({ headers: answerHeaders(answer), body: join(bodyOf(answer)) });
    });
    clock.advance(Math.max(answer.delay ?? 0, 0));
  };
  if (!plugin.configure(json)) throw new Error("the filter refuses the rules");
  for (const passage of test.before ?? []) {
    services = passage.services ?? test.services;
    clock.advance(lengthOf(passage));
    for (let i = passage.request ? (passage.times ?? 1) : 0; i > 0; i--) {
      sendBefore(plugin, passage.request!, test.upstream ?? {}, world.info);
    }
  }
  services = test.services;

  const upstream: { headers?: Headers; body: Uint8Array[]; isComplete: boolean } = {
    body: [],
    isComplete: false,
  };
  const client: { headers?: Headers; body: Uint8Array[] } = { body: [] };
  let isAbandoned = false;
  let isReset = false;
  const sink: Sink = {
    requestHeaders: (headers, end) => {
      upstream.headers = headers.map(([name, value]) => [name, value]);
      upstream.isComplete = end;
    },
    requestData: (data, end) => {
      upstream.body.push(data.slice());
      upstream.isComplete ||= end;
    },
    requestTrailers: () => {
      upstream.isComplete = true;
    },
    responseHeaders: (headers) => {
      client.headers = headers.map(([name, value]) => [name, value]);
    },
    responseData: (data) => client.body.push(data.slice()),
    responseTrailers: () => {},
    reset: () => {
      isReset = true;
    },
    abandonUpstream: () => {
      isAbandoned = true;
    },
  };
  const stream = plugin.stream(sink, { ...INFO, ...world.info });
  const request = test.request ?? {};
  const method = methodOf(request);
  feedRequest(stream, request, cut(bodyOf(request)));
  // Whatever waits for a time-out gets it.
  for (let waited = 0; waited < DAY && plugin.pendingCalls > 0 && clock.next !== undefined; ) {
    const step = clock.next;
    clock.advance(step);
    waited += Math.max(step, 1);
  }
  if (upstream.headers && upstream.isComplete && !isAbandoned) {
    const answer = test.upstream ?? {};
    const isBodiless = method === "HEAD" || answer.status === 204 || answer.status === 304;
    feed(
      (headers, end) => stream.responseHeaders(headers, end),
      (data, end) => stream.responseData(data, end),
      answerHeaders(answer),
      isBodiless ? [] : cut(bodyOf(answer)),
    );
  }
  stream.close();
  plugin.close();
  outcome.upstream = forwarded;
  if (upstream.headers) {
    const seen: Seen = { headers: upstream.headers, body: join(upstream.body) };
    // A request that was answered before its body had come is broken off, by us.
    if (upstream.isComplete) outcome.violations.push(...framingViolations("upstream", seen));
    outcome.upstream = seen;
  }
  if (client.headers && !isReset) {
    outcome.response = { headers: client.headers, body: join(client.body) };
    const isHead = method === "HEAD" || getHeader(client.headers, ":status") === "304";
    outcome.violations.push(...framingViolations("response", outcome.response, isHead));
  } else if (!isReset) {
    outcome.violations.push("the stream hangs: the client has no answer");
  }
  return outcome;
}

/** The cluster of the route. */
const UPSTREAM = "upstream";

const INFO: StreamInfo = {
  "source.address": "127.0.0.1:40000",
  "request.protocol": "HTTP/1.1",
  "xds.route_name": "default",
  "xds.cluster_name": UPSTREAM,
};

const methodOf = (request: TestRequest) =>
  request.method ?? (bodyOf(request).length ? "POST" : "GET");

function feedRequest(stream: HttpStream, request: TestRequest, pieces: Uint8Array[]): void {
  feed(
    (headers, end) => stream.requestHeaders(headers, end),
    (data, end) => stream.requestData(data, end),
    [
      [":authority", request.host ?? "example.com"],
      [":path", request.path ?? "/"],
      [":method", methodOf(request)],
      [":scheme", "http"],
      ...headersOf(request),
    ],
    pieces,
  );
}

/** A request of which nothing is expected. */
function sendBefore(
  plugin: Plugin,
  request: TestRequest,
  answer: Answer,
  info: StreamInfo = {},
): void {
  let isComplete = false;
  const nothing = () => {};
  const end = (_: unknown, isEnd: boolean) => {
    isComplete ||= isEnd;
  };
  const stream = plugin.stream(
    {
      requestHeaders: end,
      requestData: end,
      requestTrailers: () => {
        isComplete = true;
      },
      ...{ responseHeaders: nothing, responseData: nothing, responseTrailers: nothing },
      ...{ reset: nothing, abandonUpstream: nothing },
    },
    { ...INFO, ...info },
  );
  feedRequest(stream, request, bodyOf(request));
  if (isComplete) {
    feed(
      (headers, isEnd) => stream.responseHeaders(headers, isEnd),
      (data, isEnd) => stream.responseData(data, isEnd),
      answerHeaders(answer),
      bodyOf(answer),
    );
  }
  stream.close();
}

function answerHeaders(answer: Answer): Headers {
  return [[":status", String(answer.status ?? 200)], ...headersOf(answer)];
}

/** Feeds a message: its last piece ends the stream, headers do when there is none. */
function feed(
  onHeaders: (headers: Headers, end: boolean) => void,
  onData: (data: Uint8Array, end: boolean) => void,
  headers: Headers,
  pieces: Uint8Array[],
): void {
  onHeaders(headers, pieces.length === 0);
  pieces.forEach((piece, i) => {
    onData(piece, i === pieces.length - 1);
  });
}

function join(pieces: Uint8Array[]): Uint8Array {
  const size = pieces.reduce((n, piece) => n + piece.length, 0);
  const joined = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    joined.set(piece, at);
    at += piece.length;
  }
  return joined;
}
