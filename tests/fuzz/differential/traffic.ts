// Random messages as bytes (text is Latin-1): what ordinary clients and servers write, and what they should not.

import type { Random } from "../fuzz.ts";

export interface Traffic {
  method: string;
  request: string;
  /** What the upstream answers; afterwards it keeps the connection, or closes it. */
  answer: string;
  closes: boolean;
}

const METHODS = ["GET", "GET", "GET", "POST", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"];
const TARGETS = [
  ...["/", "/a", "/a", "/a/b", "/a/b?a=1&b=2", "/a?a=x%20y&a=2&page", "/users/7", "/users/7?a"],
  ...["/a?", "/a;v=1", "/a%20b", "/caf%C3%A9", "/a?a=%zz&&b", "/a/b/", "/a?a=b=c#f", "/a?a=\xe9"],
];
const ODD_TARGETS = ["http://other.test/a?a=1", "http://other.test", "*", "a", "/\xe9", "//a/../b"];
const FIELDS: Array<string | string[]> = [
  ...[
    "x-a: 1",
    "x-a: gold",
    "x-b: 2",
    "X-B: Foo",
    "x-a:",
    "x-a: \xe9",
    "x-a: \xc3\xa9",
    "x-b: a, b",
  ],
  ["x-a: 1", "x-a: 2"],
  ["x-a: 1", "x-b: o", "X-A: 1"],
  ["cookie: a=1; b=2", "cookie: page=3"],
  "cookie: a=1",
  ["accept: text/html", "accept: */*"],
  "user-agent: fuzz/1",
  "x-forwarded-for: 10.0.0.9",
  ["x-forwarded-for: 10.0.0.9", "x-forwarded-for: 10.0.0.8"],
  ...["x-forwarded-proto: https", "x-request-id: mine", "x-envoy-foo: 1", "x_under: 1"],
  ...["te: trailers", "te: gzip", "accept-encoding: gzip", "range: bytes=0-3", 'if-match: "a"'],
  ...["connection: keep-alive", "connection: x-a", "connection: close", "keep-alive: timeout=5"],
  ...["proxy-connection: keep-alive", "expect: 100-continue", "upgrade: h2c", "via: 1.0 x"],
  ...[
    "content-type: application/json",
    "content-type: text/plain",
    "content-type: application/grpc",
  ],
  "content-type: application/x-www-form-urlencoded",
];
const BODIES = [
  "",
  "foo",
  '{"a":"foo","items":[1,2]}',
  "a=foo&b=2&a=3",
  "\xe9\xff\x00o",
  "x".repeat(300),
];

function chunked(body: string, random: Random, trailers: string[]): string {
  let out = "";
  for (let at = 0; at < body.length; ) {
    const piece = body.slice(at, at + 1 + random.below(random.of([2, 40, 4000])));
    at += piece.length;
    out += `${piece.length.toString(16)}\r\n${piece}\r\n`;
  }
  return `${out}0\r\n${trailers.map((each) => `${each}\r\n`).join("")}\r\n`;
}

/** Lines that frame the body, and the body. */
function framed(body: string, random: Random): [string[], string] {
  if (random.chance(55)) return [[`content-length: ${body.length}`], body];
  const trailers = random.chance(20) ? ["x-t: 1", "x-a: t"] : [];
  const named = trailers.length > 0 && random.chance(50) ? ["trailer: x-t"] : [];
  return [["transfer-encoding: chunked", ...named], chunked(body, random, trailers)];
}

function fields(random: Random, from: Array<string | string[]>, most: number): string[] {
  return Array.from({ length: random.below(most + 1) }, () => random.of(from)).flat();
}

function randomRequest(random: Random): { method: string; request: string } {
  const method = random.of(METHODS);
  const target = random.chance(6) ? random.of(ODD_TARGETS) : random.of(TARGETS);
  // Where the answer to HEAD is Envoy's codec's own, it has a body.
  const version = random.chance(3) && method !== "HEAD" ? "1.0" : "1.1";
  const lines = fields(random, FIELDS, 4);
  const hosts = random.chance(92) ? ["host: shop.test"] : random.of(ODD_HOSTS);
  let body = "";
  if (random.chance(method === "GET" || method === "HEAD" ? 8 : 80)) {
    const [framing, bytes] = framed(random.of(BODIES), random);
    lines.push(...framing);
    body = bytes;
  }
  if (random.chance(2)) lines.push("content-length: 3", "transfer-encoding: chunked");
  // To HEAD too, Envoy says in a body that there are too many.
  const isMany = random.chance(2) && method !== "HEAD";
  if (isMany) lines.push(...Array.from({ length: 120 }, (_, i) => `x-many-${i}: 1`));
  if (random.chance(1)) lines.push(`x-long: ${"v".repeat(20_000)}`);
  const order = random.chance(80) ? [...hosts, ...lines] : [...lines, ...hosts];
  return {
    method,
    request: `${method} ${target} HTTP/${version}\r\n${order.join("\r\n")}\r\n\r\n${body}`,
  };
}

const ODD_HOSTS = [
  ...[[], ["host: SHOP.test:80"], ["host: shop.test", "host: b.test"], ["host:"]],
  ...[["host: shop.test."], ["Host: [::1]:8080"], ["host: a@shop.test"]],
];

const LINES = [
  ...[
    "200 OK",
    "200 OK",
    "200 OK",
    "200 Fine",
    "200",
    "201 Created",
    "204 No Content",
    "206 Partial",
  ],
  ...["301 Moved", "302 Found", "304 Not Modified", "400 Bad", "401 Unauthorized", "404 Not Found"],
  ...["418 I'm a teapot", "500 Internal Server Error", "503 Service Unavailable", "599 Odd"],
];
const ANSWER_FIELDS: Array<string | string[]> = [
  ...["x-a: 1", "X-B: Foo", "x-a: \xe9", "x-b: \xc3\xa9", "cache-control: no-store", 'etag: "a"'],
  ["set-cookie: a=1; path=/", "set-cookie: b=2"],
  ["x-a: 1", "x-b: o", "x-a: 2"],
  ["vary: a", "Vary: b"],
  ...[
    "server: backend",
    "date: Mon, 01 Jan 2024 00:00:00 GMT",
    "x-request-id: theirs",
    "via: 1.1 y",
  ],
  ...[
    "connection: keep-alive",
    "keep-alive: timeout=9",
    "connection: close",
    "proxy-connection: x",
  ],
  ...["content-type: text/plain", "content-type: application/json", "content-type: text/html"],
  ...["location: /next", "upgrade: h2c", "te: trailers", "accept-ranges: bytes", "x-envoy-foo: 1"],
  ["www-authenticate: Basic", "www-authenticate: Bearer"],
];

function randomAnswer(random: Random, method: string): { answer: string; closes: boolean } {
  const line = random.of(LINES);
  const lines = fields(random, ANSWER_FIELDS, 4);
  const interim = random.chance(4)
    ? random.of(["HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"])
    : "";
  const head = (more: string[]) => {
    return `${interim}HTTP/1.1 ${line}\r\n${[...lines, ...more, ""].join("\r\n")}\r\n`;
  };
  const isBodiless = method === "HEAD" || /^(204|304)/.test(line);
  const body = random.of(BODIES);
  if (isBodiless) {
    const framing = random.of([[], [`content-length: ${body.length}`], ["content-length: 0"]]);
    return { answer: head(/^204/.test(line) ? [] : framing), closes: false };
  }
  if (random.chance(12)) return { answer: head([]) + body, closes: true };
  const [framing, bytes] = framed(body, random);
  const breaks = random.chance(3) && bytes.length > 2;
  return { answer: head(framing) + (breaks ? bytes.slice(0, -2) : bytes), closes: breaks };
}

export function randomTraffic(random: Random): Traffic {
  const { method, request } = randomRequest(random);
  if (random.chance(1)) return { method, request, answer: "", closes: true };
  return { method, request, ...randomAnswer(random, method) };
}
