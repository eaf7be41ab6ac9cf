// Messages without a body, in every way that one can come about: whatever rules make of the method, the status
// and the body, a client that reads strictly finds the end of each answer, and the next answer of the
// connection is its own. What is expected is told by RFC 9110 6.4.1 and 9112 6.3 alone, from the case.

import http2 from "node:http2";
import { expect, test } from "vitest";
import { valuesOf, type WireMessage } from "./message.ts";
import { chunked, describeWire, type Engine, get, type Piece, sized } from "./wire.ts";

const BODY = '{"P":1}';
const METHODS = ["GET", "HEAD", "POST"];
const REWRITTEN = ["-", "HEAD", "GET"];
/** `late`: set once the body of the response has been read. */
const STATUSES = ["-", "200", "204", "205", "304", "404", "late204", "late200", "late304"];

/** What is done to the response, and what becomes of a body. */
const EDITS: Record<string, { steps: string; edited: (body: string) => string }> = {
  plain: { steps: "", edited: (body) => body },
  text: { steps: "body: { text: made }", edited: () => "made" },
  ends: {
    steps: 'body: { prepend: "<", append: ">" }',
    edited: (body) => `<${body}>`,
  },
  replace: {
    steps: "body: { replace: [ { find: P, with: QQ } ] }",
    edited: (body) => body.replace("P", "QQ"),
  },
  json: {
    steps: "body: { json: { set: { /a: 1 } }, onError: deny }",
    edited: (body) => body.replace("}", ',"a":1}'),
  },
};

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
rules:
${Object.entries(EDITS)
  .filter(([, { steps }]) => steps !== "")
  .map(([name, { steps }]) => `  - { match: { path: "/${name}/**" }, response: [ { ${steps} } ] }`)
  .join("\n")}
${STATUSES.filter((status) => status !== "-")
  .map((status) => {
    const when = status.startsWith("late") ? `, when: "default(response.body, '') != 'other'"` : "";
    const step = `{ status: ${status.replace("late", "")}${when} }`;
    return `  - { match: { path: "/*/${status}/**" }, response: [ ${step} ] }`;
  })
  .join("\n")}
  - { match: { path: "/*/*/HEAD/**" }, request: [ { method: HEAD } ] }
  - { match: { path: "/*/*/GET/**" }, request: [ { method: GET } ] }
  - { match: { path: /respond/204 }, request: [ { respond: { status: 204 } } ] }
  - { match: { path: /respond/205 }, request: [ { respond: { status: 205 } } ] }
  - { match: { path: /respond/304 }, request: [ { respond: { status: 304, headers: { etag: '"a"' } } } ] }
  - { match: { path: /respond/200 }, request: [ { method: HEAD }, { respond: { status: 200, text: own } } ] }
`;

/** What the upstream says to anything but HEAD. */
const KINDS: Record<string, Piece[]> = {
  sized: sized(BODY),
  chunked: chunked(['{"P"', ":1}"]),
  trailers: chunked(['{"P"', ":1}"], { trailers: ["x-sum: 1"] }),
  "404": sized(BODY, { status: "404 Not Found" }),
  empty: sized("", { status: "404 Not Found" }),
  "204": ["HTTP/1.1 204 No Content\r\n\r\n"],
  "304": ['HTTP/1.1 304 Not Modified\r\netag: "a"\r\n\r\n'],
};

interface Case {
  edit: string;
  status: string;
  rewritten: string;
  kind: string;
  method: string;
}

const pathOf = (c: Case) => `/${c.edit}/${c.status}/${c.rewritten}/${c.kind}`;

function upstream({ line }: WireMessage): Piece[] {
  const [method, path] = line.split(" ");
  const answer = KINDS[path!.split("/")[4]!] ?? sized("next", { type: "text/plain" });
  if (method !== "HEAD") return answer;
  const [head] = answer as string[];
  return [head!.slice(0, head!.indexOf("\r\n\r\n") + 4)];
}

/** Whether the rules need all of a body that ends in trailers: there is no way to put it back. */
function isRefused({ edit, status, rewritten, kind, method }: Case): boolean {
  if (kind !== "trailers" || askedWith({ rewritten, method }) === "HEAD") return false;
  if (status.startsWith("late") || status === "-") return status !== "-" || isBodied(edit);
  return isBodied(edit) && status !== "204" && status !== "205" && status !== "304";

  function isBodied(name: string): boolean {
    return method !== "HEAD" && (name === "json" || name === "ends");
  }
}

function askedWith({ rewritten, method }: { rewritten: string; method: string }): string {
  return rewritten === "-" ? method : rewritten;
}

function expected(c: Case): { status: number; body: string } {
  const own = c.status.replace("late", "");
  const theirs = { empty: 404, "404": 404, "204": 204, "304": 304 }[c.kind] ?? 200;
  const status = own === "-" ? theirs : Number(own);
  const isBare = askedWith(c) === "HEAD" || ["empty", "204", "304"].includes(c.kind);
  const isMade = c.edit === "text" || c.edit === "ends";
  const came = isBare ? "" : BODY;
  const edited = isBare && !isMade ? "" : EDITS[c.edit]!.edited(came);
  const isBodiless = c.method === "HEAD" || [204, 205, 304].includes(status);
  return { status, body: isBodiless ? "" : edited };
}

function* cases(): Generator<Case> {
  for (const edit of Object.keys(EDITS))
    for (const status of STATUSES)
      for (const rewritten of REWRITTEN)
        for (const kind of Object.keys(KINDS))
          for (const method of METHODS) {
            const c = { edit, status, rewritten, kind, method };
            if (!isRefused(c)) yield c;
          }
}

/** What is wrong with the answer; nothing where it is right. */
function fault(c: Case, answer: WireMessage | undefined): string[] {
  const want = expected(c);
  if (!answer) return [`${c.method} ${pathOf(c)}: no answer`];
  const wrong: string[] = [];
  const lengths = valuesOf(answer, "content-length");
  const codings = valuesOf(answer, "transfer-encoding");
  if (answer.status !== want.status) wrong.push(`status ${answer.status}, not ${want.status}`);
  if (answer.body.toString() !== want.body) wrong.push(`body ${answer.body}, not ${want.body}`);
  if (want.status === 204 && lengths.length + codings.length > 0) wrong.push("a 204 has a length");
  if (want.status === 304 && codings.length > 0) wrong.push("a 304 has a coding");
  if (want.status === 205 && lengths.join() !== "0") wrong.push(`a 205 of length ${lengths}`);
  if (c.method === "HEAD" && want.status === 200 && lengths.length > 0) {
    const described = expected({ ...c, method: "GET" }).body.length;
    const isTrue = Number(lengths) === described || c.rewritten === "HEAD";
    if (!isTrue) wrong.push(`HEAD says ${lengths}, GET has ${described}`);
  }
  return wrong.map((what) => `${c.method} ${pathOf(c)}: ${what}`);
}

const options = { upstream };

/** Thirty cases to a connection, and some connections at a time. */
async function* onConnections(engine: Engine, all: Case[]) {
  const batches: Case[][] = [];
  for (let from = 0; from < all.length; from += 30) batches.push(all.slice(from, from + 30));
  while (batches.length > 0) {
    const asked = batches.splice(0, 8).map(async (some) => {
      const pieces = some.map((c) => get(pathOf(c), [], bodied(c.method)));
      const methods = some.map(({ method }) => method);
      return { some, ...(await engine.ask([...pieces, get("/next")], [...methods, "GET"])) };
    });
    yield* await Promise.all(asked);
  }
}

function bodied(method: string) {
  return method === "POST" ? { method, body: "sent" } : { method };
}

function over(session: http2.ClientHttp2Session, c: Case) {
  return new Promise<{ status: number; body: string; problem: string }>((resolve) => {
    const stream = session.request({ ":path": pathOf(c), ":method": c.method, ":authority": "a" });
    let status = 0;
    let body = "";
    let problem = "";
    stream.setTimeout(10_000, () => {
      problem = "no end in time";
      stream.close();
    });
    stream.on("response", (headers) => {
      status = headers[":status"] ?? 0;
    });
    stream.on("data", (chunk: Buffer) => {
      body += chunk;
    });
    stream.on("error", (error) => {
      problem = error.message;
    });
    stream.on("close", () => resolve({ status, body, problem }));
    stream.end(c.method === "POST" ? "sent" : undefined);
  });
}

/** What tells where the answer ends. */
function shapeOf(answer: WireMessage | undefined): string {
  if (!answer) return "none";
  const fields = ["content-length", "transfer-encoding", "content-type", "x-sum"];
  return `${fields.map((name) => valuesOf(answer, name))} ${JSON.stringify(answer.trailers)}`;
}

/** As the other engine has them. */
let shapesBefore: string[] | undefined;

describeWire("messages without a body", RULES, options, (engine) => {
  test("every answer ends where it must, and the next is the next one's", async () => {
    const wrong: string[] = [];
    const shapes: string[] = [];
    for await (const { some, answers, stray, problem } of onConnections(engine(), [...cases()])) {
      const found = some.flatMap((c, i) => fault(c, answers[i]));
      shapes.push(...some.map((c, i) => `${c.method} ${pathOf(c)} ${shapeOf(answers[i])}`));
      const last = answers[some.length];
      if (found.length === 0 && last?.body.toString() !== "next") found.push(`next: ${last?.body}`);
      if (stray.length > 0) found.push(`${pathOf(some[0]!)}…: stray ${stray.subarray(0, 80)}`);
      wrong.push(...found.slice(0, 3).map((what) => `${what} ${problem}`));
    }
    expect(wrong).toEqual([]);
    expect(shapes.length).toBeGreaterThan(2500);
    shapesBefore ??= shapes;
    expect(shapes.filter((shape, i) => shape !== shapesBefore?.[i])).toEqual([]);
  }, 120_000);

  test("over HTTP/2, where content that must not be there is an error", async () => {
    if (engine().kind === "embedded") return; // it speaks HTTP/1.1
    const session = http2.connect(`http://127.0.0.1:${engine().port}`);
    const wrong: string[] = [];
    const all = [...cases()];
    for (let from = 0; from < all.length; from += 50) {
      const found = all.slice(from, from + 50).map(async (c) => {
        const { status, body, problem } = await over(session, c);
        const want = expected(c);
        const isRight = problem === "" && status === want.status && body === want.body;
        return isRight ? [] : [`${c.method} ${pathOf(c)}: ${status} ${body} ${problem}`];
      });
      wrong.push(...(await Promise.all(found)).flat());
    }
    session.destroy();
    expect(wrong).toEqual([]);
  }, 120_000);

  test("own answers", async () => {
    const { answers, stray, problem } = await engine().ask(
      // One by one: Envoy forgets requests of a packet behind one that a filter answers.
      [...[204, 205, 304, 200].map((status) => get(`/respond/${status}`)), get("/next")].flatMap(
        (piece) => [piece, 30],
      ),
      ["GET", "GET", "GET", "GET", "GET"],
    );
    expect(problem).toBe("");
    expect(stray.toString()).toBe("");
    expect(answers.map(({ status, body }) => [status, body.toString()])).toEqual([
      [204, ""],
      [205, ""],
      [304, ""],
      [200, "own"],
      [200, "next"],
    ]);
    expect(answers.map((answer) => valuesOf(answer, "content-length").join())).toEqual([
      "",
      "0",
      "",
      "3",
      "4",
    ]);
  });
});
