// What a rule judges is what the upstream gets, however a client writes its path, its host and its address:
// exact bytes through both engines.

import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";
import { valuesOf, type WireMessage } from "./message.ts";
import { describeWire, type Engine, get, sized } from "./wire.ts";

const upstream = () => sized("ok", { type: "text/plain" });

interface Heard {
  answer: WireMessage;
  /** What the upstream got, if it got anything. */
  received: WireMessage | undefined;
}

/** Asks one after the other; each request has its number, by which it is found again. A connection that ends
 * after an answer, as Envoy's do after a 400 (measured on 1.40), is followed by another. */
async function askAll(engine: Engine, requests: string[]): Promise<Heard[]> {
  engine.upstream.seen = [];
  const numbered = requests.map((each, i) => each.replace("\r\n", `\r\nnumber: ${i}\r\n`));
  const answers: WireMessage[] = [];
  while (answers.length < requests.length) {
    const left = numbered.slice(answers.length);
    const heard = await engine.ask(
      left,
      left.map(() => "GET"),
    );
    if (heard.answers.length === 0) expect(heard.problem).toBe("");
    answers.push(...heard.answers);
  }
  return answers.map((answer, i) => ({
    answer,
    received: engine.upstream.seen.find((each) => valuesOf(each, "number")[0] === String(i)),
  }));
}

const target = (received: WireMessage | undefined) => received?.line.split(" ")[1];

/** Of each case what is told of it, beside the case. */
const told = <T>(cases: T[], heard: Heard[], of: (heard: Heard) => unknown) =>
  cases.map((each, i) => [each, of(heard[i]!)]);

const GUARDED = `
ruleway: 1
rules:
  - match: { path: "/admin/**" }
    request: [ { respond: { status: 403 } } ]
  - match: { path: { regex: "^/private(/|$)" } }
    request: [ { respond: { status: 403 } } ]
  - match: { path: { prefix: /prefix } }
    request: [ { respond: { status: 403 } } ]
  - when: "request.path.startsWith('/when')"
    request: [ { respond: { status: 403 } } ]
  - match: { host: admin.example.com }
    request: [ { respond: { status: 401 } } ]
`;

/** Each way of writing a path that at least one server in wide use takes for the other. */
const disguised = (name: string): string[] => [
  `/${name}`,
  `/${name}/x`,
  `//${name}/x`,
  `///${name}//x`,
  `/./${name}/x`,
  `/x/../${name}`,
  `/x/..//${name}`,
  `/x/%2e%2E/${name}`,
  `/%${name.charCodeAt(0).toString(16)}${name.slice(1)}/x`,
  `\\${name}\\x`.replace("\\", "/"),
  `/${name}\\x`,
  `/x\\..\\${name}`,
  `/../${name}`,
  `/${name}/x/..`,
  `/${name}/./?q`,
];

describeWire("paths in disguise", GUARDED, { upstream }, (engine) => {
  test("are refused", async () => {
    const paths = ["admin", "private", "prefix"].flatMap(disguised).concat(
      // An expression reads the path as it goes on, where a run of slashes stays what it is.
      disguised("when").filter((path) => !path.includes("//")),
    );
    const heard = await askAll(
      engine(),
      paths.map((path) => get(path)),
    );
    const found = told(paths, heard, ({ answer, received }) => [answer.status, target(received)]);
    expect(found).toEqual(paths.map((path) => [path, [403, undefined]]));
  });

  test("hosts in disguise are refused", async () => {
    const hosts = [
      ...["admin.example.com", "ADMIN.example.com:80", "admin.example.com."],
      "admin.example.com.:8080",
    ];
    const heard = await askAll(
      engine(),
      hosts.map((host) => get("/free", [], { host })),
    );
    const found = told(hosts, heard, ({ answer }) => answer.status);
    expect(found).toEqual(hosts.map((host) => [host, 401]));
  });

  test("what goes on is what was judged", async () => {
    const cases = [
      ["/free/a%2Fb//c?x=/../y", "/free/a%2Fb//c?x=/../y"],
      ["/free/%7euser", "/free/~user"],
      ["/free/./a/../b", "/free/b"],
      ["/free/a%2fb", "/free/a%2Fb"],
      ["/free/100%", "/free/100%"],
      ["/administrator", "/administrator"],
    ];
    const heard = await askAll(
      engine(),
      cases.map(([path]) => get(path!)),
    );
    const found = heard.map(({ received }, i) => [cases[i]![0], target(received)]);
    expect(found).toEqual(cases);
  });

  test("a NUL in a path is refused", async () => {
    const [heard] = await askAll(engine(), [get("/free%00/admin")]);
    expect([heard!.answer.status, heard!.received]).toEqual([400, undefined]);
  });
});

describe.each(["reject", "unescape", "keep"])("encodedSlashes: %s", (how) => {
  const rules = `
ruleway: 1
settings: { paths: { encodedSlashes: ${how}, mergeSlashes: true } }
rules:
  - match: { path: "/admin/x/**" }
    request: [ { respond: { status: 403 } } ]
`;
  describeWire("on the wire", rules, { upstream }, (engine) => {
    test("escaped slashes", async () => {
      const paths = ["/admin%2Fx", "/admin%2fx/y", "/admin%5Cx"];
      const heard = await askAll(
        engine(),
        paths.map((path) => get(path)),
      );
      const status = { reject: 400, unescape: 403, keep: 200 }[how];
      const found = told(paths, heard, ({ answer }) => answer.status);
      expect(found).toEqual(paths.map((path) => [path, status]));
    });

    test("runs of slashes go on as one", async () => {
      const [heard] = await askAll(engine(), [get("//a///b?c=//d")]);
      expect(target(heard!.received)).toBe("/a/b?c=//d");
    });
  });
});

const ADDRESSES = `
ruleway: 1
rules:
  - match: { source: [203.0.113.0/24] }
    request: [ { respond: { status: 403 } } ]
  - request: [ { headers: { set: { x-ip: "$(client.ip)" } } } ]
`;

describeWire("addresses", ADDRESSES, { upstream }, (engine) => {
  test("what a client writes is not its address", async () => {
    const lines = [
      ["x-forwarded-for: 203.0.113.9"],
      ["x-forwarded-for: 203.0.113.9", "x-forwarded-for: 198.51.100.1", "x-forwarded-proto: https"],
    ];
    const heard = await askAll(
      engine(),
      lines.map((each) => get("/", each)),
    );
    const found = heard.map(({ received }) => [
      valuesOf(received!, "x-ip"),
      valuesOf(received!, "x-forwarded-for").map((each) => each.replace(/[^,]+$/, "last")),
      valuesOf(received!, "x-forwarded-proto"),
    ]);
    expect(found).toEqual([
      [["127.0.0.1"], ["203.0.113.9,last"], ["http"]],
      [["127.0.0.1"], ["203.0.113.9,198.51.100.1,last"], ["http"]],
    ]);
  });
});

/** Of a client on loopback Envoy adds its own address in place of the client's (measured on 1.40). */
const own = Object.values(networkInterfaces())
  .flatMap((each) => each ?? [])
  .flatMap(({ family, address }) => (family === "IPv4" ? [address] : []));

const clientIp = (how: string) => `
ruleway: 1
settings: { clientIp: { header: x-forwarded-for, ${how} } }
rules:
  - match: { source: [203.0.113.0/24] }
    request: [ { respond: { status: 403 } } ]
  - request: [ { headers: { set: { x-ip: "$(client.ip)" } } } ]
`;

describe.each(["trustedHops: 1", `trusted: [127.0.0.0/8, ${own}]`])("clientIp, %s", (how) => {
  describeWire("on the wire", clientIp(how), { upstream }, (engine) => {
    test("the last one that nobody trusted has written", async () => {
      const cases: Array<[string[], number]> = [
        [["203.0.113.9"], 403],
        [["198.51.100.1, 203.0.113.9"], 403],
        [["::ffff:203.0.113.9"], 403],
        [["203.0.113.9:1234"], 403],
        [["garbage"], 403],
        [["198.51.100.1,"], 403],
        [["203.0.113.9, 198.51.100.1"], 200],
        [["203.0.113.9", "198.51.100.1"], 200],
        [["198.51.100.1", "203.0.113.9"], 403],
      ];
      const heard = await askAll(
        engine(),
        cases.map(([lines]) =>
          get(
            "/",
            lines.map((each) => `x-forwarded-for: ${each}`),
          ),
        ),
      );
      expect(cases.map(([lines], i) => [lines, heard[i]!.answer.status])).toEqual(cases);
    });
  });
});

const EDITS = `
ruleway: 1
rules:
  - match: { path: "/into/**" }
    request:
      - path: "/p/$(request.query_params.v)/end"
      - headers: { set: { x-after: "yes" } }
  - match: { path: "/whole/**" }
    request:
      - path: "$(request.query_params.v)"
      - headers: { set: { x-after: "yes" } }
  - match: { path: "/captured/{rest=**}" }
    request: [ { path: "/got/$(params.rest)" } ]
  - match: { path: "/host/**" }
    request: [ { host: "$(request.query_params.v)" } ]
  - match: { path: "/names/**" }
    request:
      - headers:
          set:
            x-names: "$(request.host) $(request.hostname) $(request.port)"
  - match: { path: "/to/**" }
    request: [ { redirect: { to: "/$(request.query_params.v)" } } ]
  - match: { path: "/location/**" }
    response: [ { headers: { set: { location: "/$(request.query_params.v)" } } } ]
  - match: { path: "/keep/**" }
    request: [ { headers: { keep: [x-a, number] } } ]
  - match: { path: "/remove/**" }
    request: [ { headers: { remove: ["x-*"] } } ]
`;

const asking = (path: string, value: string) => get(`${path}?v=${encodeURIComponent(value)}`);

describeWire("what edits make", EDITS, { upstream }, (engine) => {
  test("a value is a part of a segment, or there is no path", async () => {
    const cases: Array<[string, string | undefined]> = [
      ["a/b", "/p/a%2Fb/end"],
      ["..", undefined],
      ["?x=1", "/p/%3Fx%3D1/end"],
      ["a b", "/p/a%20b/end"],
      ["%2e%2e", "/p/%252e%252e/end"],
      ["ä", "/p/%C3%A4/end"],
    ];
    const heard = await askAll(
      engine(),
      cases.map(([value]) => asking("/into", value)),
    );
    const found = cases.map(([value], i) => [value, target(heard[i]!.received)?.split("?")[0]]);
    expect(found).toEqual(cases);
    expect(heard[1]!.answer.status).toBe(400);
  });

  test("what is no path is refused", async () => {
    const values = ["no-path", "/a b", "/a/../b", "/\u0001"];
    const heard = await askAll(
      engine(),
      values.map((value) => asking("/whole", value)),
    );
    const found = told(values, heard, ({ answer, received }) => [answer.status, target(received)]);
    expect(found).toEqual(values.map((value) => [value, [400, undefined]]));
  });

  test("what was captured is put back as it came", async () => {
    const [heard] = await askAll(engine(), [get("/captured/a%2Fb//c%20d")]);
    expect(target(heard!.received)).toBe("/got/a%2Fb//c%20d");
  });

  test("a host is an authority or none", async () => {
    const cases: Array<[string, string | number]> = [
      ["other.example", "other.example"],
      ["other.example:8080", "other.example:8080"],
      ["[::1]:80", "[::1]:80"],
      ["a@b", 400],
      ["a/b", 400],
      ["a b", 400],
      ["", 400],
      ["a:99999", 400],
    ];
    const heard = await askAll(
      engine(),
      cases.map(([value]) => asking("/host", value)),
    );
    const found = heard.map(({ answer, received }, i) => [
      cases[i]![0],
      received ? valuesOf(received, "host")[0] : answer.status,
    ]);
    expect(found).toEqual(cases);
  });

  test("names of a host", async () => {
    const cases = [
      ["shop.example", "shop.example shop.example 80"],
      ["Shop.Example:8080", "shop.example:8080 shop.example 8080"],
      ["[2001:DB8::1]:81", "[2001:db8::1]:81 [2001:db8::1] 81"],
    ];
    const heard = await askAll(
      engine(),
      cases.map(([host]) => get("/names", [], { host: host! })),
    );
    const found = heard.map(({ received }, i) => [cases[i]![0], valuesOf(received!, "x-names")[0]]);
    expect(found).toEqual(cases);
  });

  test("a place of this origin stays one", async () => {
    const values = [
      ...["/evil.example", "//evil.example", "\\evil.example", "/\\evil.example"],
      ...["%5Cevil.example", "\t/evil.example", "evil.example"],
    ];
    for (const path of ["/to", "/location"]) {
      const heard = await askAll(
        engine(),
        values.map((value) => asking(path, value)),
      );
      for (const { answer } of heard) {
        const [location] = valuesOf(answer, "location");
        if (location === undefined) expect(answer.status).toBe(path === "/to" ? 400 : 200);
        else expect(new URL(location, "http://shop.test").host).toBe("shop.test");
      }
      expect(valuesOf(heard[6]!.answer, "location")).toEqual(["/evil.example"]);
    }
  });

  test("patterns leave what the host routes by", async () => {
    const heard = await askAll(
      engine(),
      ["/keep", "/remove"].map((path) => get(path, ["x-b: 1"])),
    );
    const found = heard.map(({ answer, received }) => [
      answer.status,
      valuesOf(received!, "x-b"),
      valuesOf(received!, "x-forwarded-proto"),
    ]);
    expect(found).toEqual([
      [200, [], ["http"]],
      [200, [], ["http"]],
    ]);
  });
});
