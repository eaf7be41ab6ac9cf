// Ten thousand requests and responses with a secret in them, in places, spellings and pieces drawn by a
// seed: it leaves neither by an event, of either kind, nor by a log line, and each event is accounted for
// while the service that takes them has its troubles.

import { expect, test } from "vitest";
import { seed } from "../seed.ts";
import { Filter } from "./run.ts";

const SECRET = "hunter2";
const CARD = "4111111111111111";
/** Of `authorization`: hidden wherever it is repeated. */
const CREDENTIALS = `${SECRET}-${SECRET}==`;

/** Draws numbers, always the same for a seed (mulberry32). */
class Lot {
  private state: number;

  constructor(from: number) {
    this.state = from;
  }

  /** From 0 to n - 1. */
  below(n: number): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % n;
  }

  is(percent: number): boolean {
    return this.below(100) < percent;
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  /** Each character as it is or as `spell` has it. */
  spelled(text: string, percent: number, spell: (c: string) => string): string {
    return [...text].map((c) => (this.is(percent) ? spell(c) : c)).join("");
  }

  cased(text: string): string {
    return this.is(50) ? text : this.spelled(text, 50, (c) => c.toUpperCase());
  }

  pieces(text: string): Uint8Array[] {
    const bytes = Buffer.from(text);
    const most = this.of([8, 30, 100, 10_000]);
    const list: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; ) {
      const size = 1 + this.below(most);
      list.push(bytes.subarray(at, at + size));
      at += size;
    }
    return list.length > 0 ? list : [new Uint8Array()];
  }
}

const hex = (c: string) => c.charCodeAt(0).toString(16);
const percentCoded = (c: string) => `%${hex(c).padStart(2, "0")}`;
const jsonCoded = (c: string) => `\\u${hex(c).padStart(4, "0")}`;

function parameters(lot: Lot): string {
  const name = () => {
    let text = lot.of(["token", "api_key", "x_secret_x", "token[]", "token[a]"]);
    text = lot.spelled(lot.cased(text), lot.of([0, 0, 30]), percentCoded);
    return lot.is(5) ? `+${text}` : text;
  };
  const value = () => {
    const text = lot.spelled(SECRET, lot.of([0, 0, 30]), percentCoded);
    return lot.of([text, text, `a;${text}`, `${text},${text}`, `a/${text}?${text}`, `=${text}`]);
  };
  const list = Array.from({ length: lot.below(3) }, () => lot.of(["a=1", "b", "c=%20x", "d=/y"]));
  list.splice(lot.below(list.length + 1), 0, `${name()}=${value()}`);
  let text = list.join(lot.of(["&", "&", ";"]));
  // A URL in a parameter, coded once or more often.
  for (let n = lot.is(20) ? 1 + lot.below(3) : 0; n > 0; n--)
    text = `next=${encodeURIComponent(`https://h/x?${text}`)}`;
  return text;
}

const target = (lot: Lot) =>
  lot.of([
    () => `/x?${parameters(lot)}`,
    () => `/x?${parameters(lot)}#f`,
    () => `/x;token=${SECRET}/y`,
    () => `/x#${parameters(lot)}`,
    () => `/pay/${CARD}?a`,
    () => `/go/${encodeURIComponent(`https://h/?${parameters(lot)}`)}`,
  ])();

const url = (lot: Lot) => `https://h.example${target(lot)}`;

/** A JSON text with the secret in members that are removed, and in strings that are looked into. */
function json(lot: Lot, depth = 0): string {
  const text = (s: string) => `"${lot.spelled(s, lot.of([0, 0, 20]), jsonCoded)}"`;
  const space = () => lot.of(["", "", " ", "\n", "\t "]);
  const secret = () => lot.of([text(SECRET), `[${text(SECRET)}]`, `{"x":${text(SECRET)}}`]);
  const string = (s: string) => JSON.stringify(s).replaceAll("=", lot.of(["=", "\\u003d"]));
  const members = [`${text("a")}:1`];
  // `/password` is of the outermost object.
  if (depth === 0) members.push(`${text("password")}${space()}:${secret()}`);
  if (lot.is(60)) members.push(`${text("pin")}:${secret()}`);
  if (lot.is(20)) members.push(`${text("pin")}:${secret()}`);
  if (lot.is(20)) members.push(`"card":${lot.of([CARD, text(CARD), `[${CARD}]`])}`);
  if (lot.is(20)) members.push(`"next":${string(url(lot))}`);
  if (lot.is(10)) members.push(`"note":${string(`see ${url(lot)} or not`)}`);
  if (depth < 3 && lot.is(40)) members.push(`"deep":[${json(lot, depth + 1)}]`);
  if (depth < 3 && lot.is(15)) members.push(`"text":${string(json(lot, 0))}`);
  for (let i = members.length - 1; i > 0; i--) {
    const j = lot.below(i + 1);
    [members[i], members[j]] = [members[j]!, members[i]!];
  }
  return `{${members.map((each) => space() + each + space()).join(",")}}`;
}

const part = (name: string, value: string) =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;

function body(lot: Lot): [type: string, text: string] {
  const oneLine = () => json(lot).replaceAll(/[\n\t]/g, " ");
  return lot.of<() => [string, string]>([
    () => [lot.of(["application/json", "application/x+json", "text/plain"]), json(lot)],
    () => ["application/json", json(lot).slice(0, -1 - lot.below(20))],
    () => ["application/json", `\ufeff${json(lot)}`],
    () => ["application/x-ndjson", `${oneLine()}\n\n${oneLine()}${lot.of(["", "\r\n"])}`],
    () => ["text/event-stream", `event: a\ndata: ${oneLine()}\n\ndata:${oneLine()}\r\n\r\n`],
    () => ["text/event-stream", `data: see ${url(lot)}\n\n`],
    () => ["application/x-www-form-urlencoded", parameters(lot)],
    () => ["application/x-www-form-urlencoded", json(lot)],
    () => ["application/x-www-form-urlencoded", `next=${url(lot)}&a=1`],
    () => ["multipart/form-data; boundary=b", `${part(lot.cased("token"), SECRET)}--b--`],
    () => ["multipart/form-data; boundary=b", `${part("a", json(lot))}--b--`],
    () => ["multipart/form-data; boundary=b", part("token", SECRET)],
    () => ["text/html", `<a href="${url(lot)}">x</a> <a href='/?a=1&amp;token=${SECRET}'>`],
    () => ["text/plain", `card ${CARD} end`],
  ])();
}

/** All that a reader could make of a text that left. */
function readings(text: string): string[] {
  const character = (_: string, code: string) => String.fromCharCode(Number(`0x${code}`));
  const list = [text];
  for (let n = 0; n < 4 && list.at(-1)!.includes("%"); n++)
    list.push(list.at(-1)!.replaceAll(/%([0-9a-f]{2})/gi, character));
  if (text.includes("\\u")) list.push(text.replaceAll(/\\u([0-9a-f]{4})/gi, character));
  if (/^[\w+/]{8,}=*$/.test(text)) list.push(Buffer.from(text, "base64").toString("latin1"));
  return list;
}

function expectNoSecret(value: unknown, of: string): void {
  if (typeof value === "string") {
    for (const reading of readings(value)) {
      if (!reading.includes(SECRET) && !reading.includes(CARD)) continue;
      throw new Error(`a secret left: ${value}\n\n${of}`);
    }
  } else if (typeof value === "number") {
    if (String(value) === CARD) throw new Error(`a secret left: ${value}\n\n${of}`);
  } else if (value !== null && typeof value === "object") {
    for (const [key, each] of Object.entries(value)) {
      expectNoSecret(key, of);
      expectNoSecret(each, of);
    }
  }
}

test("a secret in 10,000 requests and responses leaves by no event and no log line", () => {
  console.log(`random tests: seed ${seed} (FC_SEED=${seed} repeats them)`);
  const lot = new Lot(seed);
  const f = new Filter({ logLevel: 2 });
  const emit = { service: "ingestion", redact: "secrets", retries: 1 };
  const accepted = f.configure({
    ruleway: 1,
    settings: { holdHeaders: true },
    services: { ingestion: { cluster: "ingestion" } },
    redact: {
      secrets: {
        headers: ["x-secret*"],
        query: ["token", "api_key", "*secret*"],
        json: ["/password", "$..pin"],
        patterns: ["4\\d{15}"],
      },
    },
    rules: [
      {
        request: [
          { set: { auth: "for $(request.headers.authorization)" } },
          { set: { body: "$(request.body)" }, when: "'x-read' in request.headers" },
          {
            log: {
              text: "$(request.path) $(request.headers) $(request.body) $(request.json)",
              redact: "secrets",
            },
            when: "'x-read' in request.headers",
          },
          { log: "$(request.headers.authorization) $(request.headers.cookie) $(ctx.auth)" },
        ],
        response: [{ log: { text: "$(response.headers)", redact: "secrets" } }],
        done: [
          { emit: { ...emit, maxBody: 300, batch: { count: 20 }, queue: { count: 200 } } },
          {
            emit: {
              ...emit,
              json: {
                path: "$(request.path)",
                sent: "$(request.headers)",
                query: "$(request.query_params)",
                cookies: "$(request.cookies)",
                got: "$(response.headers)",
                body: "$(ctx.body)",
                auth: "$(ctx.auth)",
                note: "from $(request.referer) to $(request.path), body $(ctx.body)",
              },
            },
          },
        ],
      },
    ],
  });
  expect([accepted, f.errors]).toEqual([true, []]);

  let told = 0;
  let lines = 0;
  const answer = (isEnd = false) => {
    for (const call of f.calls.splice(0)) {
      const text = Buffer.from(call.body).toString();
      expectNoSecret(JSON.parse(text), text);
      told++;
      if (isEnd || lot.is(80)) call.respond({ headers: [[":status", "200"]] });
      else if (lot.is(50)) call.respond({ headers: [[":status", "503"]] });
      else call.fail();
    }
    for (const line of f.log.splice(0)) {
      expectNoSecret(line, line);
      lines++;
    }
  };

  const N = 10_000;
  for (let i = 0; i < N; i++) {
    const [type, text] = body(lot);
    const isKnown = lot.is(50);
    const [answerType, answerText] =
      isKnown && lot.is(20)
        ? lot.of([
            ["text/plain", `you are ${CREDENTIALS}`],
            ["application/json", `{"headers":{"Authorization":"Bearer ${CREDENTIALS}"}}`],
            ["application/json", `{"cut":"${"-".repeat(285 + lot.below(10))}${CREDENTIALS}"}`],
          ] as const)
        : body(lot);
    f.open()
      .request(
        {
          ":path": target(lot),
          "content-type": type,
          ...(lot.is(20) && { "x-read": "1" }),
          ...(isKnown && { authorization: `Bearer ${CREDENTIALS}` }),
          ...(lot.is(50) && { cookie: `a=1; sid=${SECRET}` }),
          ...(lot.is(20) && { "x-api-key": SECRET, "proxy-authorization": SECRET }),
          ...(lot.is(50) && { "x-secret-thing": SECRET }),
          ...(lot.is(50) && { referer: url(lot) }),
          ...(lot.is(20) && { "x-original-url": target(lot), "x-args": parameters(lot) }),
          ...(lot.is(10) && { "x-note": `from ${url(lot)} on`, "x-card": CARD }),
          ...(lot.is(10) && { "x-user": json(lot).replaceAll(/[\n\t]/g, " ") }),
        },
        ...lot.pieces(text),
      )
      .respond(
        {
          ":status": lot.of(["200", "302", "500"]),
          "content-type": answerType,
          ...(lot.is(50) && { "set-cookie": `sid=${SECRET}` }),
          ...(lot.is(50) && { location: url(lot) }),
          ...(lot.is(20) && { link: `<${url(lot)}>; rel="next"`, refresh: `5; url=${url(lot)}` }),
        },
        ...lot.pieces(answerText),
      )
      .close();
    if (lot.is(30)) answer();
    if (lot.is(10)) f.clock.advance(lot.below(3000));
  }
  for (let i = 0; i < 100; i++) {
    f.clock.advance(1000);
    answer(true);
  }
  expect(f.traps).toEqual([]);
  expect(told).toBeGreaterThan(N / 2);
  expect(lines).toBeGreaterThan(N);

  // Two events of each request, each of which came to something.
  const { metrics } = f;
  const all = Object.entries(metrics).filter(([name]) => name.startsWith("ruleway.event."));
  expect(all.reduce((sum, [, n]) => sum + n, 0)).toBe(2 * N);
  expect(metrics["ruleway.event.sent"]).toBeGreaterThan(N);
});
