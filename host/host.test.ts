import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import asc from "assemblyscript/asc";
import { beforeAll, expect, test } from "vitest";
import { root } from "../compiler/assets.ts";
import {
  formatTrace,
  type Headers,
  type HostOptions,
  type HttpCall,
  ManualClock,
  Plugin,
  parsePairs,
  type Sink,
  serializePairs,
} from "./index.ts";

let guest: WebAssembly.Module;

beforeAll(async () => {
  const folder = join(".cache", "probes");
  mkdirSync(join(root, folder), { recursive: true });
  const out = join(folder, `guest-${process.pid}.wasm`);
  const flags = ["-O3", "--runtime", "minimal", "--use", "abort="];
  const { error, stderr } = await asc.main([
    "host/testing/guest.ts",
    "--baseDir",
    root,
    "--outFile",
    out,
    ...flags,
  ]);
  if (error) throw new Error(`${error.message}\n${stderr}`);
  guest = new WebAssembly.Module(readFileSync(join(root, out)));
});

const encode = (text: string) => new TextEncoder().encode(text);
const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const GET: Headers = [
  [":method", "GET"],
  [":path", "/"],
  [":authority", "a"],
  [":scheme", "http"],
];
const OK: Headers = [[":status", "200"]];

interface Run {
  plugin: Plugin;
  events: string[];
  log: string[];
  stream: ReturnType<Plugin["stream"]>;
  calls: HttpCall[];
  clock: ManualClock;
}

/** A stream through a guest with that script; `events` is what came out, in order. */
function start(script: string, options: HostOptions = {}): Run {
  const events: string[] = [];
  const log: string[] = [];
  const calls: HttpCall[] = [];
  const clock = new ManualClock();
  const plugin = new Plugin(guest, {
    allowOnHeadersStopIteration: true,
    clock,
    log: (_level, text) => log.push(text),
    httpCall: (call) => calls.push(call),
    ...options,
  });
  expect(plugin.configure(script)).toBe(true);
  const end = (last: boolean) => (last ? "." : "");
  const sink: Sink = {
    requestHeaders: (headers, last) =>
      events.push(`>h${headers.some(([name]) => name === "x-guest") ? "*" : ""}${end(last)}`),
    requestData: (data, last) => events.push(`>${decode(data)}${end(last)}`),
    requestTrailers: () => events.push(">t"),
    responseHeaders: (headers, last) => events.push(`<${headers[0]![1]}${end(last)}`),
    responseData: (data, last) => events.push(`<${decode(data)}${end(last)}`),
    responseTrailers: () => events.push("<t"),
    reset: () => events.push("reset"),
    abandonUpstream: () => events.push("abandon"),
  };
  return { plugin, events, log, calls, clock, stream: plugin.stream(sink) };
}

// Continue 0, StopIteration 1, StopAll 3 and 4 for headers; AndBuffer 1, AndWatermark 2, NoBuffer 3 for data.
test.each([
  ["everything passes", " ", [">h", ">a", ">b."]],
  ["held headers go with the first piece that continues", "rh=1", [">h", ">a", ">b."]],
  ["held headers, body buffered to its end", "rh=1;rb=1;rB=0", [">h", ">ab."]],
  [
    "held headers, body collected elsewhere, put in at its end",
    "rh=1;rb=3;rB=bXY,0",
    [">h", ">XY."],
  ],
  ["headers edited while the body is read", "rh=1;rb=1;rB=h,0", [">h*", ">ab."]],
  ["headers that went on cannot be edited", "rb=h,0", [">h", ">a", ">b."]],
  ["data dropped piece by piece", "rb=3;rB=0", [">h", ">b."]],
  ["a watermark buffers too, but shows each piece by itself", "rb=2;rB=bZ,0", [">h", ">aZ."]],
  ["stop all keeps the body out", "rh=4", []],
  ["and nobody continues", "rh=1;rb=3", []],
])("%s", (_name, script, expected) => {
  const { stream, events } = start(script);
  stream.requestHeaders([...GET], false);
  stream.requestData(encode("a"), false);
  stream.requestData(encode("b"), true);
  expect(events).toEqual(expected);
});

test("without the knob, StopIteration from headers stops everything", () => {
  const { stream, events, log } = start("rh=1", { allowOnHeadersStopIteration: false });
  stream.requestHeaders([...GET], false);
  stream.requestData(encode("a"), true);
  expect(events).toEqual([]);
  expect(log.filter((line) => line.startsWith("rb"))).toEqual([]);
});

test("after stop all, the body is shown once the stream continues", () => {
  const { stream, events, calls, log } = start("rh=call,4;cr=c0");
  stream.requestHeaders([...GET], false);
  stream.requestData(encode("a"), false);
  stream.requestData(encode("b"), true);
  expect(events).toEqual([]);
  calls[0]!.respond({ headers: [...OK] });
  expect(events).toEqual([">h", ">ab."]);
  expect(log).toContain("rb 2");
});

test("the trap that lets requests past a guard: held headers go with a body that continues", () => {
  const { stream, events, calls } = start("rh=call,1;rb=0");
  stream.requestHeaders([...GET], false);
  stream.requestData(encode("a"), true);
  expect(events).toEqual([">h", ">a."]);
  expect(calls.length).toBe(1);
});

test("a callout that times out is answered without headers, and only once", () => {
  const { stream, calls, clock, log } = start("rh=call,4;cr=c0");
  stream.requestHeaders([...GET], true);
  clock.advance(99);
  expect(log).not.toContain("cr 0");
  clock.advance(1);
  expect(log.filter((line) => line === "cr 0").length).toBe(1);
  calls[0]!.respond({ headers: [...OK] });
  expect(log.filter((line) => line.startsWith("cr")).length).toBe(1);
});

test("a cluster that is not there is refused at once", () => {
  const { stream, log } = start("rh=call,0", { hasCluster: () => false });
  stream.requestHeaders([...GET], true);
  expect(log).toContain("call 2");
});

test("a local reply passes the response callbacks, and the request goes no further", () => {
  const { stream, events, log } = start("rh=r418,0");
  stream.requestHeaders([...GET], false);
  stream.requestData(encode("a"), true);
  expect(events).toEqual(["abandon", "<418", "<local."]);
  expect(log).toContain("sh 0");
});

test("a local reply in the place of a response skips them", () => {
  const { stream, events, log } = start("sh=r502,1");
  stream.requestHeaders([...GET], true);
  stream.responseHeaders([...OK], false);
  expect(events).toEqual([">h.", "abandon", "<502", "<local."]);
  expect(log.filter((line) => line.startsWith("sh")).length).toBe(1);
});

test("a local reply after the headers can only break the stream off", () => {
  const { stream, events } = start("sb=r502,3");
  stream.requestHeaders([...GET], true);
  stream.responseHeaders([...OK], false);
  stream.responseData(encode("x"), false);
  expect(events).toEqual([">h.", "<200", "reset"]);
});

test("what is buffered beyond the limit is answered by the host", () => {
  const { stream, events } = start("rh=1;rb=1", { bufferLimit: 4 });
  stream.requestHeaders([...GET], false);
  stream.requestData(encode("abc"), false);
  stream.requestData(encode("de"), false);
  expect(events[1]).toBe("<413");
  const other = start("rh=1;rb=3", { bufferLimit: 4 });
  other.stream.requestHeaders([...GET], false);
  other.stream.requestData(encode("abcdefgh"), true);
  expect(other.events).toEqual([]);
});

test("trailers follow the body, also when they are what ends a wait", () => {
  const plain = start(" ");
  plain.stream.requestHeaders([...GET], false);
  plain.stream.requestData(encode("a"), false);
  plain.stream.requestTrailers([["x", "1"]]);
  expect(plain.events).toEqual([">h", ">a", ">t"]);
  const held = start("rh=1;rb=1;rt=0");
  held.stream.requestHeaders([...GET], false);
  held.stream.requestData(encode("a"), false);
  held.stream.requestTrailers([["x", "1"]]);
  expect(held.events).toEqual([">h", ">a", ">t"]);
});

test.each<[NonNullable<HostOptions["failurePolicy"]>, string[], string[]]>([
  ["reload", ["abandon", "<503."], ["abandon", "<503."]],
  ["closed", ["abandon", "<503."], ["abandon", "<503."]],
  ["open", [">h."], [">h."]],
])("a trap under %s costs what the policy says", (failurePolicy, first, second) => {
  const traps: Error[] = [];
  const run = start("rh=trap", { failurePolicy, onTrap: (error) => traps.push(error) });
  run.stream.requestHeaders([...GET], true);
  run.stream.close();
  expect(run.events).toEqual(first);
  expect(traps.length).toBeGreaterThan(0);
  run.events.length = 0;
  const later = run.plugin.stream((run.stream as unknown as { sink: Sink }).sink);
  later.requestHeaders([...GET], true);
  expect(run.events).toEqual(second);
});

test("a refused configuration leaves the old one in force, and old streams keep theirs", () => {
  const { plugin, stream, events } = start("rh=r418,0");
  expect(plugin.configure("refuse")).toBe(false);
  stream.requestHeaders([...GET], true);
  expect(events[1]).toBe("<418");
});

test("the end of a stream is told in order", () => {
  const { stream, log } = start(" ");
  stream.requestHeaders([...GET], true);
  stream.close();
  stream.close();
  expect(log.slice(-2)).toEqual(["log", "delete"]);
});

test("pairs survive their serialised form, and broken forms are refused", () => {
  const headers: Headers = [
    ["a", ""],
    ["b", "x y"],
    ["b", "é"],
  ];
  expect(parsePairs(serializePairs(headers))).toEqual(headers);
  const bytes = serializePairs(headers);
  for (let n = 1; n < bytes.length; n++) expect(parsePairs(bytes.slice(0, n))).toBeUndefined();
  expect(parsePairs(Uint8Array.of(255, 255, 255, 255))).toBeUndefined();
});

test("replacing a header leaves one line of it", () => {
  const { stream } = start("rh=h,0");
  const headers: Headers = [...GET, ["x-guest", "a"], ["other", "b"], ["x-guest", "c"]];
  stream.requestHeaders(headers, true);
  expect(headers.slice(4)).toEqual([
    ["x-guest", "1"],
    ["other", "b"],
  ]);
});

test("an unknown import is refused by name, as Envoy does", () => {
  const module = new WebAssembly.Module(
    // (module (import "env" "nope" (func)))
    Uint8Array.of(
      0,
      97,
      115,
      109,
      1,
      0,
      0,
      0,
      1,
      4,
      1,
      96,
      0,
      0,
      2,
      12,
      1,
      3,
      101,
      110,
      118,
      4,
      110,
      111,
      112,
      101,
      0,
      0,
    ),
  );
  expect(() => new Plugin(module)).toThrow("env.nope");
});

test("the trace reads like what happened", () => {
  const lines: string[] = [];
  const { stream } = start("rh=h,1", { trace: (entry) => lines.push(formatTrace(entry)) });
  stream.requestHeaders([...GET], true);
  expect(lines).toContain("→ proxy_on_request_headers(2, 4, 1)");
  expect(lines).toContain(
    '    proxy_replace_header_map_value(RequestHeaders, "x-guest", "1") = Ok',
  );
  expect(lines).toContain("← StopIteration");
});
