// How a body comes is of no matter: whatever rules edit, read, judge or bound, every cut of it into
// pieces, a content-length or none, and a callout answered sooner or later lead to the same messages or
// the same refusal. Documents and messages are random; of one that fails, the smallest is printed.

import zlib from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Random } from "../fuzz/fuzz.ts";
import { seed, seeded } from "../seed.ts";
import { Filter, type Stream } from "./run.ts";

type Step = Record<string, unknown>;
type Fields = Record<string, string>;

/** What it gives, with `more` added. */
const plus = (step: fc.Arbitrary<Step>, more: fc.Arbitrary<Step>): fc.Arbitrary<Step> =>
  fc.tuple(step, more).map(([a, b]) => ({ ...a, ...b }));
const some = (fields: Record<string, fc.Arbitrary<unknown>>): fc.Arbitrary<Step> =>
  fc.record(fields, { requiredKeys: [] });
const oneOf = (...values: unknown[]) => fc.constantFrom(...values);

const requestTexts = [
  "new",
  "",
  "$(request.body)",
  "$(size(request.body))",
  "$(request.json.a)",
  "$(json.encode(request.json))",
  "$(request.form['a'])",
  "$(default(request.form['b'], 'none'))",
];
const responseTexts = [
  "new",
  "",
  "$(response.body)",
  "$(size(response.body))",
  "$(response.json.a)",
  "$(request.headers['x-of-body'])",
];
const requestConditions = [
  "request.body.contains('foo')",
  "request.json.a == 1",
  "size(request.body) > 8",
  "request.form['a'] == 'foo'",
  "request.headers['x-of-body'] == 'new'",
];
const responseConditions = [
  "response.body.contains('foo')",
  "response.json.a == 1",
  "size(response.body) > 8",
];

const literal = fc.record({
  find: oneOf("foo", "o", "\n", "aa", '"a"'),
  with: oneOf("", "barbaz", "o", "foofoo"),
  ...{},
});
const pattern = fc.record({
  regex: oneOf(
    "fo+",
    "(?i)[A-F]{2,}",
    "^.",
    "(?m)^d",
    ".$",
    "(a|o)(.)",
    "\\bfoo\\b",
    "(?s)a.*o",
    "x*",
  ),
  with: oneOf("", "<$0>", "bar"),
});
const replace = fc.record({
  replace: fc.array(
    plus(
      fc.oneof<fc.Arbitrary<Step>[]>(literal, pattern),
      some({ first: oneOf(1, 2), ignoreCase: oneOf(true) }),
    ),
    { minLength: 1, maxLength: 3 },
  ),
});

const jsonEdits = (texts: string[]) =>
  plus(
    fc.constant({ set: { "/b": "2" } }),
    some({
      set: oneOf(...texts.map((text) => ({ "/a": text })), { "/c/d": [1] }),
      remove: oneOf(["/a"], ["$..foo"]),
      add: oneOf({ "/list/-": "x" }),
      merge: oneOf({ a: null, m: 1 }),
    }),
  ).map((json) => ({ json }));

const sizes = oneOf(1, 8, 20, 40, 100);

function body(texts: string[], isResponse: boolean): fc.Arbitrary<Step> {
  const edits = fc.oneof<fc.Arbitrary<Step>[]>(
    replace,
    jsonEdits(texts),
    oneOf(...texts.map((text) => ({ text }))) as fc.Arbitrary<Step>,
    oneOf(...texts.map((prepend) => ({ prepend }))) as fc.Arbitrary<Step>,
    oneOf(...texts.map((append) => ({ append }))) as fc.Arbitrary<Step>,
  );
  const encodings = isResponse ? ["identity"] : [];
  const options = some({
    encoding: oneOf("decode", "skip", "reject", ...encodings),
    contentType: oneOf("application/json", "text/*"),
  });
  const held = some({
    maxSize: sizes,
    overLimit: oneOf("skip", "reject"),
    onError: oneOf("skip", "deny"),
  });
  const policy = fc.option(oneOf("deny"), { nil: undefined });
  return fc.tuple(edits, options, held, policy).map(([edit, more, bounds, onError]) => ({
    body: { ...edit, ...more, ...("json" in edit ? bounds : {}) },
    ...(onError === undefined ? {} : { onError }),
  }));
}

const validate = fc
  .oneof(
    plus(
      fc.record({ body: oneOf({ type: "object" }, { required: ["a"] }, { maxProperties: 1 }) }),
      some({ optional: oneOf(true) }),
    ),
  )
  .map((each) => ({ validate: each }));
const limit = sizes.map((each) => ({ limit: { body: each } }));
const events = plus(
  fc.record({
    edit: fc.array(
      fc.oneof<fc.Arbitrary<Step>[]>(
        oneOf(
          { when: "event.data.contains('foo')", drop: true },
          { data: "<$(event.data)>" },
        ) as fc.Arbitrary<Step>,
        oneOf({ json: { set: { "/n": "$(event.index)" } } }, { type: "t" }) as fc.Arbitrary<Step>,
      ),
      { minLength: 1, maxLength: 2 },
    ),
  }),
  some({ format: oneOf("sse", "lines"), maxSize: oneOf(4, 16, 64) }),
).map((each) => ({ events: each }));
const form = oneOf(
  { set: { a: "x y" } },
  { add: { b: "$(request.body)" }, remove: ["foo"] },
  { replace: { a: { regex: "o", with: "0" } } },
  { dedupe: { a: "last" }, rename: { a: "z" } },
).map((each) => ({ form: each }) as Step);

function maybeWhen(step: fc.Arbitrary<Step>, conditions: string[]): fc.Arbitrary<Step> {
  return fc
    .tuple(step, fc.option(fc.constantFrom(...conditions), { nil: undefined, freq: 3 }))
    .map(([each, when]) => (when === undefined ? each : { ...each, when }));
}

const requestStep = maybeWhen(
  fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
    { arbitrary: body(requestTexts, false), weight: 6 },
    { arbitrary: fc.constant({ authorize: { service: "auth" } }), weight: 3 },
    {
      arbitrary: fc
        .constantFrom(...requestTexts)
        .map((text) => ({ headers: { set: { "x-of-body": text } } })),
      weight: 1,
    },
    { arbitrary: fc.constant({ respond: { status: 409, text: "no" } }), weight: 1 },
    ...[validate, limit, events, form].map((arbitrary) => ({ arbitrary, weight: 1 })),
  ),
  requestConditions,
);
const responseStep = maybeWhen(
  fc.oneof<fc.MaybeWeightedArbitrary<Step>[]>(
    { arbitrary: body(responseTexts, true), weight: 6 },
    {
      arbitrary: fc
        .constantFrom(...responseTexts)
        .map((text) => ({ headers: { set: { "x-of-body": text } } })),
      weight: 1,
    },
    ...[validate, limit, events].map((arbitrary) => ({ arbitrary, weight: 1 })),
  ),
  responseConditions,
);

/** A body is read in its own phase only. */
const rule = plus(
  fc.record({
    request: fc.array(requestStep, { maxLength: 4 }),
    response: fc.array(responseStep, { maxLength: 3 }),
  }),
  some({
    when: fc.constantFrom(...requestConditions),
    final: fc.constant(true),
    limits: some({ requestBody: sizes, responseBody: sizes }),
  }),
)
  .filter(({ request, response }) => (request as []).length + (response as []).length > 0)
  .map(({ when, ...rest }) => {
    return when === undefined || (rest["request"] as []).length === 0 ? rest : { ...rest, when };
  });
const document = fc
  .array(rule, { minLength: 1, maxLength: 2 })
  .map((rules) =>
    rules.map((each) =>
      Object.fromEntries(
        Object.entries(each).filter(([, value]) => !Array.isArray(value) || value.length > 0),
      ),
    ),
  );

const BODIES: Record<string, string[]> = {
  "application/json": [
    '{"a":1}',
    '{"a":"foo","list":[1,{"foo":[]}],"n":{"foo":1.50}}',
    ' [1, "foo"] ',
    '{"a":1,"a":2}',
    '{"a":',
    "1 2",
    '"\\ud83d\\ude00 é"',
  ],
  "application/x-www-form-urlencoded": ["a=foo&b=%20&a=2", "a", "&&=%zz", "a=f%6fo+o"],
  "multipart/form-data; boundary=b": [
    '--b\r\nContent-Disposition: form-data; name="a"\r\n\r\nfoo\r\n--b--\r\n',
    "--b\r\n\r\n",
  ],
  "text/event-stream": [
    "data: foo\n\ndata: {}\r\n\r\ndata: a",
    "event: x\rdata: foo\rdata\r\rid: 1\n\n",
    "\n\n: c\n",
  ],
  "application/x-ndjson": ['{"a":1}\n\n{"a":\r\nfoo\n{}', "\n"],
  "text/plain; charset=utf-16": ["foo"],
  "text/plain": [
    "",
    "f",
    "foo foofoo fo\naa oo do\nd",
    "o".repeat(130),
    "\u{1f600}é\0",
    "Hello, aaaa dffo o",
  ],
};
const text = fc.oneof(
  fc.constantFrom(
    ...Object.entries(BODIES).flatMap(([type, bodies]) =>
      bodies.map((each) => [type, each] as const),
    ),
  ),
  fc.tuple(
    fc.constantFrom(...Object.keys(BODIES)),
    fc.oneof(
      fc.json({ maxDepth: 2 }),
      fc.string({ unit: "binary", maxLength: 40 }),
      fc
        .array(fc.constantFrom("foo", "o", "\n", "a", "data: ", "\r", '"', "=", "&", "d"), {
          maxLength: 30,
        })
        .map((parts) => parts.join("")),
    ),
  ),
);
const CODINGS = {
  none: (plain: Buffer) => plain,
  gzip: (plain: Buffer) => zlib.gzipSync(plain),
  deflate: (plain: Buffer) => zlib.deflateSync(plain),
  br: (plain: Buffer) => zlib.brotliCompressSync(plain),
  // What is cut short, spoilt, or not compressed at all.
  "gzip cut": (plain: Buffer) => zlib.gzipSync(plain).subarray(0, -3),
  "gzip spoilt": (plain: Buffer) => spoilt(zlib.gzipSync(plain)),
  "gzip not": (plain: Buffer) => plain,
};
type CodingName = keyof typeof CODINGS;

function spoilt(bytes: Buffer): Buffer {
  const at = bytes.length - 6;
  return Buffer.concat([bytes.subarray(0, at), Buffer.of(bytes[at]! ^ 1), bytes.subarray(at + 1)]);
}

const message = fc.record({
  text,
  coding: fc.oneof(
    { arbitrary: fc.constant<CodingName>("none"), weight: 3 },
    { arbitrary: fc.constantFrom(...(Object.keys(CODINGS) as CodingName[])), weight: 2 },
  ),
});
type Message = { text: readonly [string, string]; coding: CodingName };

function headersOf({ text: [type], coding }: Message): Fields {
  return {
    "content-type": type,
    "content-digest": "sha-256=:x:",
    ...(coding !== "none" && { "content-encoding": coding.split(" ")[0]! }),
  };
}
const bytesOf = ({ text: [, plain], coding }: Message) => CODINGS[coding](Buffer.from(plain));

/** One way in which a message can come. */
interface Way {
  pieces: Buffer[];
  states: boolean;
}

function ways(bytes: Buffer, random: Random): Way[] {
  const cuts = [[bytes], [bytes, Buffer.alloc(0)], Array.from(bytes, (byte) => Buffer.of(byte))];
  if (bytes.length <= 16) {
    for (let i = 1; i < bytes.length; i++) cuts.push([bytes.subarray(0, i), bytes.subarray(i)]);
  }
  for (let n = 0; n < 6; n++) {
    const pieces: Buffer[] = [];
    const most = random.of([2, 8, 30]);
    for (let at = 0; at < bytes.length; ) {
      const size = random.below(most + 1);
      pieces.push(bytes.subarray(at, at + size));
      at += size;
    }
    cuts.push(random.chance(30) ? [...pieces, Buffer.alloc(0)] : pieces);
  }
  return cuts
    .map((pieces) => (pieces.length === 0 ? [Buffer.alloc(0)] : pieces))
    .flatMap((pieces) => [true, false].map((states) => ({ pieces, states })));
}

const lengthIn = ({ pieces, states }: Way): Fields =>
  states ? { "content-length": String(Buffer.concat(pieces).length) } : {};
const without = (headers: [string, string][] | undefined) =>
  headers?.filter(([name]) => name !== "content-length");
const lengthAs = (headers: [string, string][] | undefined) =>
  headers?.find(([name]) => name === "content-length")?.[1];

/** What became of an exchange that came like this. `chance`: per cent of callouts that are answered
 * before the next piece. */
function outcome(
  filter: Filter,
  request: Message,
  response: Message,
  came: Way,
  back: Way,
  random: Random,
  status: string,
): unknown {
  const answers = random.of([0, 30, 100]);
  const answer = (chance: number) => {
    while (filter.calls.length > 0 && random.chance(chance)) {
      filter.calls
        .shift()!
        .respond({ headers: [[":status", status]], body: Buffer.from("denied") });
    }
  };
  const stream = filter.open();
  const open: Fields = {
    ":authority": "a",
    ":path": "/",
    ":method": "POST",
    ...headersOf(request),
  };
  stream.stream.requestHeaders(Object.entries({ ...open, ...lengthIn(came) }), false);
  came.pieces.forEach((piece, i) => {
    answer(answers);
    stream.stream.requestData(Uint8Array.from(piece), i === came.pieces.length - 1);
  });
  answer(100);
  try {
    if (filter.traps.length > 0) return { trap: filter.traps };
    if (stream.status !== undefined) return { refused: stream.status, with: stream.responseBody };
    if (stream.wasReset) return { refused: "reset" };
    if (!stream.upstreamEnded) return { hangs: "request" };
    const stated = lengthAs(stream.upstream as [string, string][]);
    if (stated !== undefined && Number(stated) !== stream.upstreamBytes.length)
      return { lies: "request", stated };
    stream.respond({ ...headersOf(response), ...lengthIn(back) }, ...back.pieces);
    if (filter.traps.length > 0) return { trap: filter.traps };
    return {
      upstream: without(stream.upstream as [string, string][]),
      upstreamBody: stream.upstreamBytes.toString("latin1"),
      response: responseOf(stream),
    };
  } finally {
    stream.close();
  }
}

/** What has gone out of a response that is broken off depends on how it came; that it is, does not. */
function responseOf(stream: Stream): unknown {
  if (stream.wasReset || stream.status === "502") return "refused";
  if (!stream.responseEnded) return { hangs: "response" };
  const stated = lengthAs(stream.response as [string, string][]);
  if (stated !== undefined && Number(stated) !== stream.responseBytes.length)
    return { lies: "response", stated };
  return [without(stream.response as [string, string][]), stream.responseBytes.toString("latin1")];
}

test("however a body comes, the same becomes of it", () => {
  fc.assert(
    fc.property(
      document,
      message,
      message,
      fc.constantFrom("200", "403"),
      fc.noShrink(fc.nat()),
      (rules, request, response, status, number) => {
        const filter = new Filter();
        const accepted = filter.configure({
          ruleway: 1,
          settings: { holdHeaders: true },
          services: { auth: { cluster: "auth" } },
          rules,
        });
        if (!accepted) throw new Error(filter.errors.join("\n"));
        const isBounded = /limit|maxSize/i.test(JSON.stringify(rules));
        const random = new Random(seed ^ number);
        const came = ways(bytesOf(request), random);
        const back = ways(bytesOf(response), random);
        let first: unknown;
        for (let i = 0; i < Math.max(came.length, back.length); i++) {
          const [there, home] = [came[i % came.length]!, back[i % back.length]!];
          let got = outcome(filter, request, response, there, home, random, status);
          // Of a message that is over a bound and has another fault too, which one is found first
          // depends on what comes first: either refuses it.
          if (isBounded && typeof got === "object" && got !== null && "refused" in got) {
            got = { refused: "either way" };
          }
          first ??= got;
          const say = ({ pieces, states }: Way) =>
            `${states} ${JSON.stringify(pieces.map((each) => each.toString("latin1")))}`;
          expect(got, `request ${say(there)}\nresponse ${say(home)}`).toEqual(first);
          expect(JSON.stringify(got)).not.toMatch(/"(hangs|lies|trap)"/);
        }
      },
    ),
    seeded(Number(process.env["FC_RUNS"] ?? 300)),
  );
}, 120_000);
