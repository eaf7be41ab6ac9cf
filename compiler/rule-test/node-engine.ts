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
  type StreamInfo,
} from "../../host/index.ts";
import { type Artefact, filterModule } from "../assets.ts";
import { UPSTREAM } from "../local-route.ts";
import { changes, framingViolations, type Outcome, type Seen } from "./expect.ts";
import {
  type Answer,
  bodyOf,
  headersOf,
  lengthOf,
  type RuleTest,
  type TestRequest,
} from "./format.ts";
import { ScriptedRedis } from "./redis.ts";
import { answerBody, answerHeaders, feed, INFO, Recorder } from "./stream.ts";

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
  const outcome: Outcome = {
    ...{ calls: {}, commands: {}, log: [], properties: {}, metrics: {}, violations: [] },
  };
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
    foreign: recordCalls(test, outcome),
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
        call.respond({ headers: answerHeaders(given), body: Buffer.concat(bodyOf(given)) }),
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
      else call.respond({ headers: answerHeaders(answer), body: Buffer.concat(bodyOf(answer)) });
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
  const metrics = plugin.options.metrics.snapshot();

  const recorder = new Recorder();
  const stream = plugin.stream(recorder, { ...INFO, ...world.info });
  const request = test.request ?? {};
  const headers = requestHeaders(request);
  feedRequest(stream, headers, cut(bodyOf(request)));
  // Whatever waits for a time-out gets it.
  for (let waited = 0; waited < DAY && plugin.pendingCalls > 0 && clock.next !== undefined; ) {
    const step = clock.next;
    clock.advance(step);
    waited += Math.max(step, 1);
  }
  if (recorder.isAsked) {
    const answer = test.upstream ?? {};
    feedResponse(stream, answer, cut(answerBody(answer, headers)));
  }
  stream.close();
  outcome.metrics = changes(metrics, plugin.options.metrics.snapshot());
  plugin.close();
  for (const [name, value] of stream.filterState) {
    outcome.properties[name] = new TextDecoder().decode(value);
  }
  outcome.upstream = forwarded;
  const { upstream, client } = recorder;
  if (upstream.headers) {
    const seen: Seen = { headers: upstream.headers, body: Buffer.concat(upstream.body) };
    // A request that was answered before its body had come is broken off, by us.
    if (upstream.isComplete) outcome.violations.push(...framingViolations("upstream", seen));
    outcome.upstream = seen;
  }
  const isReset = recorder.broken !== undefined;
  if (client.headers && !isReset) {
    outcome.response = { headers: client.headers, body: Buffer.concat(client.body) };
    const isHead =
      getHeader(headers, ":method") === "HEAD" || getHeader(client.headers, ":status") === "304";
    outcome.violations.push(...framingViolations("response", outcome.response, isHead));
  } else if (!isReset) {
    outcome.violations.push("the stream hangs: the client has no answer");
  }
  return outcome;
}

/** The host's functions that the test expects something of; they do nothing. */
function recordCalls({ expect }: RuleTest, outcome: Outcome): NonNullable<HostOptions["foreign"]> {
  const calls: Record<string, string[]> = {};
  outcome.functions = calls;
  const record = (name: string) => (argument: Uint8Array) => {
    calls[name] ??= [];
    calls[name].push(Buffer.from(argument).toString("hex"));
    return 0;
  };
  const names = Object.keys(expect.functions ?? {});
  return Object.fromEntries(names.map((name) => [name, record(name)]));
}

function requestHeaders(request: TestRequest): Headers {
  return [
    [":authority", request.host ?? "example.com"],
    [":path", request.path ?? "/"],
    [":method", request.method ?? (bodyOf(request).length ? "POST" : "GET")],
    [":scheme", "http"],
    ...headersOf(request),
  ];
}

function feedRequest(stream: HttpStream, headers: Headers, pieces: Uint8Array[]): void {
  feed(
    (all, end) => stream.requestHeaders(all, end),
    (data, end) => stream.requestData(data, end),
    headers,
    pieces,
  );
}

function feedResponse(stream: HttpStream, answer: Answer, pieces: Uint8Array[]): void {
  feed(
    (all, end) => stream.responseHeaders(all, end),
    (data, end) => stream.responseData(data, end),
    answerHeaders(answer),
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
  const recorder = new Recorder();
  const stream = plugin.stream(recorder, { ...INFO, ...info });
  feedRequest(stream, requestHeaders(request), bodyOf(request));
  if (recorder.isAsked) feedResponse(stream, answer, bodyOf(answer));
  stream.close();
}
