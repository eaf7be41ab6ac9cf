// `attributes`: what the host is given, and what is there already.

import { expect, test } from "vitest";
import { encode, Filter, type Stream } from "./run.ts";

function filter(...steps: object[]): Filter {
  const made = new Filter();
  const accepted = made.configure({ ruleway: 1, rules: [{ request: steps }] });
  expect([accepted, made.errors]).toEqual([true, []]);
  return made;
}

/** A stream whose log another filter has begun. */
function after(f: Filter, custom_log: string | Uint8Array): Stream {
  const s = f.open();
  s.stream.setProperty(
    "custom_log",
    typeof custom_log === "string" ? encode(custom_log) : custom_log,
  );
  return s.request();
}

const log = (members: object) => ({ attributes: { log: members } });
/** The log as others read it: the inside of a JSON string. */
const logOf = (s: Stream): string | undefined => {
  const text = s.property("custom_log");
  return text === undefined ? undefined : (JSON.parse(`"${text}"`) as string);
};
const asLog = (value: unknown) =>
  JSON.stringify(typeof value === "string" ? value : JSON.stringify(value)).slice(1, -1);

test("an empty value is a value of filter state, and none of a tag; null is neither", () => {
  const values = { full: "$(request.method)", empty: "", none: "$(request.headers['x-none'])" };
  const s = filter({ attributes: { filterState: values, trace: values } })
    .open()
    .request();
  expect(s.property("full")).toBe("GET");
  expect(s.property("empty")).toBe("");
  expect(s.property("none")).toBeUndefined();
  expect(s.property("trace_span_tag.full")).toBe("GET");
  expect(s.property("trace_span_tag.empty")).toBeUndefined();
  expect(s.property("trace_span_tag.none")).toBeUndefined();
});

test("a member of the log that is set again has the new value, and is there once", () => {
  const f = filter(
    log({ a: "1", 'q"\n': "one", b: "ü" }),
    log({ b: "$(request.method)", c: "3" }),
    log({ 'q"\n': "two", none: "$(request.headers['x-none'])" }),
  );
  expect(logOf(f.open().request())).toBe('{"a":"1","b":"GET","c":"3","q\\"\\n":"two"}');
});

test("the log of other filters stays, whatever its members are", () => {
  const f = filter(log({ own: "1" }));
  const before = { deep: [{ a: null }, 1.5e3], own: { old: true }, text: 'a "b" \\ ü' };
  const s = after(f, asLog(before));
  expect(JSON.parse(logOf(s)!)).toEqual({ deep: before.deep, text: before.text, own: "1" });
  for (const empty of ["", asLog({})]) {
    expect(logOf(after(f, empty))).toBe('{"own":"1"}');
  }
  expect(f.metrics["ruleway.attributes_log_skipped.foreign"]).toBeUndefined();
});

test.each([
  ["text", asLog("hello")],
  ["an array", asLog([1])],
  ["half an object", asLog('{"a":1')],
  ["an object and more", asLog('{"a":1} x')],
  ["an object that is not escaped", '{"a":1}'],
  ["half an escape", '{\\"a\\":1}\\'],
  ["no UTF-8", Uint8Array.of(0x7b, 0xff, 0x7d)],
  ["too deep", asLog("[".repeat(300) + "]".repeat(300))],
])("a log that is %s is left alone, and counted", (_what, custom_log) => {
  const f = filter(log({ own: "1" }));
  const s = after(f, custom_log);
  const now = f.trace.filter((line) => line.includes("proxy_set_property"));
  expect(now).toEqual([]);
  expect(s.upstream).toBeDefined();
  expect(f.metrics["ruleway.attributes_log_skipped.foreign"]).toBe(1);
});

test("a log stays within 64 KiB; what would make it larger is counted", () => {
  const f = filter(log({ a: "1" }), log({ b: "$(request.headers['x-b'])" }), log({ c: "3" }));
  // {\"a\":\"1\",\"b\":\"…\"}
  const rest = asLog({ a: "1", b: "" }).length;
  const most = 64 * 1024 - rest;
  const fits = f.open().request({ "x-b": "x".repeat(most) });
  expect(logOf(fits)?.length).toBeGreaterThan(most);
  expect(fits.property("custom_log")?.length).toBe(64 * 1024);
  // The third found no room.
  expect(f.metrics["ruleway.attributes_log_skipped.size"]).toBe(1);
  const large = f.open().request({ "x-b": "x".repeat(most + 1) });
  expect(logOf(large)).toBe('{"a":"1","c":"3"}');
  expect(f.metrics["ruleway.attributes_log_skipped.size"]).toBe(2);
  expect(f.traps).toEqual([]);
});

test("names that make a host do something are refused", () => {
  const made = new Filter();
  const names = [
    "clear_route_cache",
    "set_decoder_buffer_limit",
    "set_encoder_buffer_limit",
    "wasm_need_rebuild",
    "custom_log",
    "trace_span_tag.x",
    "a\0b",
    "tenant",
    "clear_route_cache.x",
  ];
  const filterState = Object.fromEntries(names.map((name) => [name, "off"]));
  const accepted = made.configure({
    ruleway: 1,
    rules: [
      {
        request: [{ attributes: { filterState, log: { custom_log: "1" }, trace: { "c\0d": "" } } }],
      },
    ],
  });
  const at = '"/rules/0/request/0/attributes/filterState';
  expect(accepted).toBe(false);
  expect(made.errors).toEqual([
    `R321 ${at}/clear_route_cache": the host gives "clear_route_cache" a meaning of its own; settings.reroute says what becomes of the route`,
    `R321 ${at}/set_decoder_buffer_limit": the host gives "set_decoder_buffer_limit" a meaning of its own; limits.requestBody sets it`,
    `R321 ${at}/set_encoder_buffer_limit": the host gives "set_encoder_buffer_limit" a meaning of its own; limits.responseBody sets it`,
    `R321 ${at}/wasm_need_rebuild": the host gives "wasm_need_rebuild" a meaning of its own; settings.rebuild asks for a new VM`,
    `R321 ${at}/custom_log": the host gives "custom_log" a meaning of its own; \`log\` adds to it`,
    `R321 ${at}/trace_span_tag.x": the host gives "trace_span_tag.x" a meaning of its own; \`trace\` sets tags`,
    `R321 ${at}/a\\u0000b": a NUL would make this the path of another name`,
    'R321 "/rules/0/request/0/attributes/trace/c\\u0000d": a NUL would make this the path of another name',
  ]);
});
