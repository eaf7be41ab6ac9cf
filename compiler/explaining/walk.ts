// One request through the real filter in the embedded host, with everything that happened on its way:
// the filter's own marks (filter/stream/trace.ts) say which rule and which step it is at, the host what was
// changed, called, answered and logged meanwhile. Time is the host's: it passes only while calls are out.

import {
  getHeader,
  type Headers,
  type HttpCall,
  type HttpStream,
  LogLevel,
  ManualClock,
  Plugin,
  type RedisCall,
  type StreamInfo,
} from "../../host/index.ts";
import { type Artefact, filterModule } from "../assets.ts";
import { type Answer, bodyOf, headersOf, type Reply as RedisReply } from "../rule-test/format.ts";
import { encodeReply, wordsOf } from "../rule-test/redis.ts";
import { answerBody, answerHeaders, copyOf, feed, INFO, Recorder } from "../rule-test/stream.ts";

export const PHASES = ["request", "response", "done"] as const;
export type PhaseName = (typeof PHASES)[number];

/** What a service says: as in rule tests, or whatever is at that address. */
export type ServiceAnswer = Answer | { url: string };

export interface Situation {
  headers: Headers;
  body: Uint8Array;
  upstream: Answer;
  /** By cluster. */
  services: Record<string, ServiceAnswer>;
  attributes: StreamInfo;
  /** The filter that the rules need. */
  artefact?: Artefact | undefined;
}

export interface HeaderChange {
  name: string;
  /** All lines of the name; none: it is not there. */
  before: string[];
  after: string[];
}

export interface Call {
  cluster: string;
  headers: Headers;
  body: Uint8Array;
  timeout: number;
  /** Of a call to Redis: its words, and the reply. */
  command?: string[];
  reply?: RedisReply;
  /** Since the call went out, in milliseconds; undefined: nobody waited for it. */
  took?: number;
  status?: number;
  answered?: Headers;
  answer?: Uint8Array;
  /** Why there was no answer. */
  failure?: string;
}

export interface Reply {
  status: number;
  details: string;
  body: string;
}

/** What came of a step: the filter's numbers of Outcome. */
export const OUTCOME = { next: 0, stop: 1, pause: 2, read: 3, end: 4 } as const;

export interface StepWalk {
  rule: string;
  phase: PhaseName;
  step: number;
  acted: boolean;
  outcome: number | undefined;
  changes: HeaderChange[];
  calls: Call[];
  reply?: Reply;
  log: string[];
  /** Expressions that failed in it. */
  failures: string[];
}

export interface RuleWalk {
  rule: string;
  phase: PhaseName;
  /** Whether its steps were come to. */
  enters: boolean;
  /** What its `when` has said: 0 unasked, 1 yes, 2 no, 3 it failed. */
  applies: number;
  failures: string[];
}

export interface Message {
  headers: Headers;
  body: Uint8Array;
}

export interface Walk {
  /** Pointers of the rules that the filter has, in its order, and those whose match holds. */
  rules: string[];
  chosen: string[];
  entered: RuleWalk[];
  steps: StepWalk[];
  /** What came of no step: limits, bodies that cannot be read. */
  reply?: Reply;
  calls: Call[];
  upstream?: Message;
  client?: Message;
  /** Why the client got nothing whole. */
  broken?: string;
  /** What was counted while the stream went by. */
  counted: Record<string, number>;
  /** Simulated milliseconds that the stream waited. */
  waited: number;
}

const PLAN = /^ruleway(?: \[[^\]]*\])?: plan \{"rule":("(?:[^"\\]|\\.)*")/s;
const MARK = /^trace (\w+) (\S+) (\d+) (\d+) (\d+)$/;
const FAILED = /^rule .*: an expression failed (.*)$/s;
const MOST_TIMERS = 100_000;

/** Answers of live services, so that they are asked once however often the request is walked. */
export type Recorded = Map<string, Array<Answer & { raw?: Uint8Array; headerLines?: Headers }>>;

/** Walks the request through the rules; undefined when the filter refuses them. */
export async function walk(
  json: string,
  situation: Situation,
  recorded: Recorded = new Map(),
): Promise<Walk | undefined> {
  return new Walker(situation, recorded).walk(json);
}

class Walker {
  private readonly clock = new ManualClock();
  private readonly plugin: Plugin;
  private readonly result: Walk = {
    ...{ rules: [], chosen: [], entered: [], steps: [], calls: [], counted: {}, waited: 0 },
  };
  private step: StepWalk | undefined;
  /** Headers as each step found them. */
  private readonly before = new Map<StepWalk, Headers>();
  private stream: HttpStream | undefined;
  /** Steps whose callouts the host has not sent yet. */
  private readonly callers: Array<StepWalk | undefined> = [];
  /** The same of Redis. */
  private readonly commanders: Array<StepWalk | undefined> = [];
  /** Milliseconds that a cluster has for each reply. */
  private readonly redisTimeouts = new Map<string, number>();
  private readonly live: Array<Promise<void>> = [];
  private readonly asked = new Map<string, number>();
  private failures: string[] = [];

  constructor(
    private readonly situation: Situation,
    private readonly recorded: Recorded,
  ) {
    this.plugin = new Plugin(filterModule(situation.artefact), {
      allowOnHeadersStopIteration: true,
      clock: this.clock,
      logLevel: LogLevel.Trace,
      log: (_level, text) => this.onLog(text),
      httpCall: (call) => this.onCall(call),
      redis: { init: (settings) => this.onRedis(settings), call: (call) => this.onCommand(call) },
      trace: ({ kind, name, args, result }) => {
        if (kind !== "host") return;
        if (name === "proxy_http_call" && result === 0) this.callers.push(this.step);
        if (name === "proxy_redis_call" && result === 0) this.commanders.push(this.step);
        if (name === "proxy_send_local_response") this.onReply(args);
      },
      onTrap: (error) => {
        throw new Error(`the filter trapped: ${error.message}`);
      },
    });
  }

  async walk(json: string): Promise<Walk | undefined> {
    const { plugin, result, situation } = this;
    if (!plugin.configure(json)) return undefined;
    const recorder = new Recorder();
    const before = plugin.options.metrics.snapshot();
    const start = this.clock.now();
    const stream = plugin.stream(recorder, { ...INFO, ...situation.attributes });
    this.stream = stream;
    const isEmpty = situation.body.length === 0;
    stream.requestHeaders(copyOf(situation.headers), isEmpty);
    if (!isEmpty) stream.requestData(situation.body, true);
    await this.settle();
    if (recorder.isAsked) {
      const answer = situation.upstream;
      feed(
        (headers, end) => stream.responseHeaders(headers, end),
        (data, end) => stream.responseData(data, end),
        answerHeaders(answer),
        answerBody(answer, situation.headers),
      );
      await this.settle();
    }
    result.waited = this.clock.now() - start;
    stream.close();
    await this.settle();
    for (const [name, value] of Object.entries(plugin.options.metrics.snapshot())) {
      // What became of each rule is told of the walk itself.
      if (name.startsWith("ruleway.rule.")) continue;
      const more = value - (before[name] ?? 0);
      if (more > 0) result.counted[name.replace(/^ruleway\./, "")] = more;
    }
    plugin.close();
    const { upstream, client } = recorder;
    if (recorder.broken !== undefined) result.broken = recorder.broken;
    if (upstream.headers && !(recorder.isAbandoned && !upstream.isComplete)) {
      result.upstream = { headers: upstream.headers, body: Buffer.concat(upstream.body) };
    }
    if (client.headers) {
      result.client = { headers: client.headers, body: Buffer.concat(client.body) };
    } else {
      result.broken ??= "the client has no answer";
    }
    return result;
  }

  /** Lets time pass until no call is out. */
  private async settle(): Promise<void> {
    for (let i = 0; this.plugin.pendingCalls > 0 && i < MOST_TIMERS; i++) {
      if (this.live.length > 0) {
        await Promise.all(this.live.splice(0));
        continue;
      }
      const { next } = this.clock;
      if (next === undefined) return;
      this.clock.advance(next);
    }
  }

  // ---- what the filter says

  private onLog(text: string): void {
    const plan = PLAN.exec(text);
    if (plan) this.result.rules.push(JSON.parse(plan[1]!) as string);
    const mark = MARK.exec(text);
    if (mark) {
      const [phase, step, n] = mark.slice(3).map(Number) as [number, number, number];
      this.onMark(mark[1]!, mark[2]!, PHASES[phase]!, step, n);
      return;
    }
    if (!this.stream) return;
    const failed = FAILED.exec(text);
    if (failed) this.failures.push(failed[1]!);
    else this.step?.log.push(text);
  }

  private onMark(what: string, rule: string, phase: PhaseName, step: number, n: number): void {
    // Of a task nothing is told; what it calls is none of the stream's steps.
    if (phase === undefined) {
      this.step = undefined;
      return;
    }
    const failures = this.failures;
    this.failures = [];
    switch (what) {
      case "chosen":
        this.result.chosen.push(rule);
        break;
      case "enter":
      case "pass":
        this.step = undefined;
        this.result.entered.push({ rule, phase, enters: what === "enter", applies: n, failures });
        break;
      case "step":
        this.step = {
          ...{ rule, phase, step, acted: n === 1, outcome: undefined, changes: [], calls: [] },
          ...{ log: [], failures },
        };
        this.result.steps.push(this.step);
        this.before.set(this.step, copyOf(this.headers(phase)));
        break;
      case "end":
        this.step = this.result.steps.findLast(
          (each) => each.rule === rule && each.phase === phase && each.step === step,
        );
        if (!this.step) break;
        this.step.outcome = n;
        this.step.failures.push(...failures);
        this.step.changes = changesOf(this.before.get(this.step)!, this.headers(phase));
    }
  }

  private headers(phase: PhaseName): Headers {
    return phase === "request" ? this.stream!.request.headers : this.stream!.response.headers;
  }

  private onReply(args: ReadonlyArray<number | bigint | string>): void {
    const body = Buffer.from(String(args[2]), "latin1").toString();
    const reply = { status: Number(args[0]), details: String(args[1]), body };
    if (this.step && this.step.outcome === undefined) this.step.reply = reply;
    else if (this.step?.outcome === OUTCOME.pause) this.step.reply = reply;
    else this.result.reply = reply;
  }

  // ---- callouts

  /** Puts the call, which goes out now, to its step; what is called with what comes of it. */
  private record(call: Call, step: StepWalk | undefined): (more: Partial<Call>) => void {
    const sent = this.clock.now();
    (step ? step.calls : this.result.calls).push(call);
    return (more) => Object.assign(call, more, { took: this.clock.now() - sent });
  }

  /** How often the cluster was asked before. */
  private turn(cluster: string): number {
    const at = this.asked.get(cluster) ?? 0;
    this.asked.set(cluster, at + 1);
    return at;
  }

  private onCall(request: HttpCall): void {
    const sent = this.clock.now();
    const call: Call = {
      ...{ cluster: request.cluster, headers: request.headers, body: request.body },
      timeout: request.timeout,
    };
    const settle = this.record(call, this.callers.shift());
    request.onCancel = () => {
      const isLate = this.clock.now() - sent >= call.timeout;
      settle({ failure: isLate ? "no answer in time" : "nobody waits for it any more" });
    };
    const answer = this.situation.services[request.cluster];
    if (!answer) {
      settle({ failure: "no answer was given (--service)" });
      request.fail();
      return;
    }
    if (!("url" in answer)) {
      this.answerCall(request, answer, settle);
      return;
    }
    const at = this.turn(request.cluster);
    const known = this.recorded.get(request.cluster) ?? [];
    this.recorded.set(request.cluster, known);
    if (known[at]) {
      this.answerCall(request, known[at], settle);
      return;
    }
    this.live.push(
      ask(answer.url, request).then((live) => {
        known[at] = live;
        this.answerCall(request, live, settle);
      }),
    );
  }

  /** A cluster is to be spoken to; there is none that is not. */
  private onRedis({ cluster, timeout }: { cluster: string; timeout: number }): boolean {
    this.redisTimeouts.set(cluster, timeout);
    return true;
  }

  private onCommand(request: RedisCall): void {
    const timeout = this.redisTimeouts.get(request.cluster) ?? 0;
    const call: Call = {
      ...{ cluster: request.cluster, headers: [], body: new Uint8Array(), timeout },
      command: wordsOf(request.command),
    };
    const settle = this.record(call, this.commanders.shift());
    request.onCancel = () => settle({ failure: "no answer in time" });
    const answer = this.situation.services[request.cluster];
    const at = this.turn(request.cluster);
    const reply = answer && "replies" in answer ? answer.replies?.[at] : undefined;
    const fails = answer && "fail" in answer && answer.fail;
    if (!answer || (reply === undefined && !fails)) {
      settle({ failure: "no reply was given (--service NAME='replies: […]')" });
      request.fail();
      return;
    }
    this.clock.after("delay" in answer ? (answer.delay ?? 0) : 0, () => {
      if (reply === undefined) {
        settle({ failure: "the service could not be reached" });
        request.fail();
      } else {
        settle({ reply });
        request.respond(encodeReply(reply));
      }
    });
  }

  private answerCall(
    request: HttpCall,
    answer: Answer & { raw?: Uint8Array; headerLines?: Headers },
    settle: (more: Partial<Call>) => void,
  ): void {
    this.clock.after(answer.delay ?? 0, () => {
      if ((answer.delay ?? 0) >= request.timeout) return;
      if (answer.fail) {
        settle({ failure: "the service could not be reached" });
        request.fail();
        return;
      }
      const status = answer.status ?? 200;
      const headers: Headers = [
        [":status", String(status)],
        ...(answer.headerLines ?? headersOf(answer)),
      ];
      const body = answer.raw ?? Buffer.concat(bodyOf(answer));
      settle({ status, answered: headers, answer: body });
      request.respond({ headers, body });
    });
  }
}

/** Asks a service that is there; how long it took is the answer's delay. */
async function ask(
  base: string,
  { headers, body, timeout }: HttpCall,
): Promise<Answer & { raw?: Uint8Array; headerLines?: Headers }> {
  const begin = performance.now();
  const took = () => Math.round(performance.now() - begin);
  const method = getHeader(headers, ":method") ?? "GET";
  try {
    const answer = await fetch(new URL(getHeader(headers, ":path") ?? "/", base), {
      method,
      headers: headers.filter(([name]) => !/^(:|host$|content-length$|connection$)/.test(name)),
      body: method === "GET" || method === "HEAD" || body.length === 0 ? null : Buffer.from(body),
      redirect: "manual",
      signal: AbortSignal.timeout(timeout),
    });
    const raw = new Uint8Array(await answer.arrayBuffer());
    return { status: answer.status, headerLines: [...answer.headers], raw, delay: took() };
  } catch (error) {
    if ((error as Error).name === "TimeoutError") return { fail: true, delay: timeout };
    return { fail: true, delay: took() };
  }
}

function changesOf(before: Headers, after: Headers): HeaderChange[] {
  const names = new Set([...before, ...after].map(([name]) => name));
  return [...names].flatMap((name) => {
    const values = (headers: Headers) =>
      headers.flatMap(([each, value]) => (each === name ? [value] : []));
    const change = { name, before: values(before), after: values(after) };
    return JSON.stringify(change.before) === JSON.stringify(change.after) ? [] : [change];
  });
}
