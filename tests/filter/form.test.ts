// The `form` verb and request.form, urlencoded and multipart: edited fields are what they must be, and
// everything else has the bytes that it had.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seeded } from "../seed.ts";
import { Filter, type Stream } from "./run.ts";

function filterWith(form: object, more: object[] = [], onError?: string): Filter {
  const filter = new Filter();
  const request = [{ form, ...(onError ? { onError } : {}) }, ...more];
  const rules = [{ match: { path: "/{id}" }, request }];
  if (!filter.configure({ ruleway: 1, settings: { holdHeaders: true }, rules }))
    throw new Error(filter.errors.join("\n"));
  return filter;
}

const URLENCODED = { "content-type": "application/x-www-form-urlencoded", ":path": "/7" };
const multipart = (boundary = "XX") => ({
  "content-type": `multipart/form-data; boundary=${boundary}`,
  ":path": "/7",
});

function send(filter: Filter, headers: Record<string, string>, ...pieces: string[]): Stream {
  const length = { "content-length": String(Buffer.byteLength(pieces.join(""))) };
  const stream = filter.open().request({ ...headers, ...length }, ...pieces);
  if (stream.upstream)
    expect(stream.sent("content-length")).toEqual([String(Buffer.byteLength(stream.upstreamBody))]);
  return stream;
}

const part = (name: string, value: string, more = "") =>
  `--XX\r\nContent-Disposition: form-data; name="${name}"${more}\r\n\r\n${value}\r\n`;
const file = part("f", "--X\r\n\0\x01binary\r\n--X", '; filename="a.bin"\r\nContent-Type: x/y');

test.each([
  [{ set: { a: "2" } }, "a=1&b=%20&a=3", "a=2&b=%20"],
  [{ set: { a: ["1", "2"] }, remove: ["b*"] }, "bb=1&c=+", "c=+&a=1&a=2"],
  [{ default: { a: "x", c: "y z" } }, "a=", "a=&c=y%20z"],
  [{ rename: { a: "b" } }, "a=%41&b=2&c", "b=A&c"],
  [{ keep: ["a"], add: { a: "$(params.id)" } }, "a=1&b=2", "a=1&a=7"],
  [{ replace: { a: { regex: "(.)$", with: "[$1]" } } }, "a=xy", "a=x%5By%5D"],
  [{ dedupe: { a: "last" } }, "a=1&a=2&b", "a=2&b"],
  [{ set: { a: "$(request.form.b)", b: "$(request.form.a)" } }, "a=1&b=2", "a=2&b=1"],
  [{ set: { n: "$(request.headers.nothing)" } }, "a=1", "a=1"],
])("urlencoded: %j", (edits, before, after) => {
  const filter = filterWith(edits);
  for (const pieces of [[before], [before.slice(0, 2), before.slice(2)], [...before]]) {
    expect(send(filter, URLENCODED, ...pieces).upstreamBody).toBe(after);
  }
});

describe("multipart", () => {
  const form = (...parts: string[]) => `${parts.join("")}--XX--\r\n`;

  test.each([
    [
      { set: { a: "2" } },
      [part("a", "1"), file, part("b", "x")],
      [part("a", "2"), file, part("b", "x")],
    ],
    [{ remove: ["*"] }, [part("a", "1"), file], [file]],
    [
      { keep: ["b"], add: { c: "é" } },
      [part("a", "1"), file, part("b", "")],
      [file, part("b", ""), part("c", "é")],
    ],
    [{ rename: { a: 'q"' } }, [part("a", "l1\r\nl2")], [part("q%22", "l1\r\nl2")]],
    [
      { set: { a: "x" } },
      [part("a", "1", "\r\nX-Other: kept?"), part("b", "1", "\r\nX-Other: y")],
      [part("a", "x"), part("b", "1", "\r\nX-Other: y")],
    ],
    [{ set: { a: "$(request.form.b)" } }, [part("b", "v")], [part("b", "v"), part("a", "v")]],
    [{ remove: ["none"] }, [part("a", "1")], [part("a", "1")]],
  ])("%j", (edits, before, after) => {
    const filter = filterWith(edits);
    for (const text of [form(...before)]) {
      for (const pieces of [[text], [text.slice(0, 9), text.slice(9)], [...text]]) {
        expect(send(filter, multipart(), ...pieces).upstreamBody).toBe(form(...after));
      }
    }
  });

  test("whatever the form, an edit of one field leaves the others to the byte", () => {
    const filter = filterWith({ set: { target: "new" }, remove: ["gone"] });
    const name = fc.constantFrom("a", "b", "target", "gone", "n-1");
    const content = fc.string({
      unit: fc.constantFrom("x", "-", "\r", "\n", "X", " ", "\r\n--X", "é"),
    });
    // A content never holds the delimiter: whoever writes forms chooses it so.
    const contents = content.filter((text) => !text.includes("--XX"));
    const any = fc.tuple(name, contents, fc.boolean());
    fc.assert(
      fc.property(fc.array(any, { maxLength: 8 }), fc.nat(), (parts, cut) => {
        const written = parts.map(([n, text, isFile]) => ({
          name: n,
          isFile,
          text: part(n, text, isFile ? '; filename="f"' : ""),
        }));
        const body = `${written.map(({ text }) => text).join("")}--XX--\r\n`;
        let isSet = false;
        const expected = written.flatMap((each) => {
          if (each.isFile || !["target", "gone"].includes(each.name)) return [each.text];
          if (each.name === "gone" || isSet) return [];
          isSet = true;
          return [part("target", "new")];
        });
        if (!isSet) expected.push(part("target", "new"));
        const at = cut % (body.length + 1);
        const stream = send(filter, multipart(), body.slice(0, at), body.slice(at));
        expect(stream.upstreamBody).toBe(`${expected.join("")}--XX--\r\n`);
        stream.close();
      }),
      seeded(300),
    );
  });

  test.each([
    [
      "no boundary",
      { ...multipart(), "content-type": "multipart/form-data" },
      form(part("a", "1")),
    ],
    ["another boundary", multipart("YY"), form(part("a", "1"))],
    ["no end", multipart(), part("a", "1")],
    ["an end in the middle of a line", multipart(), `${part("a", "1").trimEnd()}--XX--`],
    [
      "a part without an empty line",
      multipart(),
      "--XX\r\nContent-Disposition: form-data; name=a\r\n--XX--\r\n",
    ],
    [
      "two names",
      multipart(),
      form(part("a", "1", '\r\nContent-Disposition: form-data; name="b"')),
    ],
    [
      "a part that has no name",
      multipart(),
      form("--XX\r\nContent-Disposition: form-data\r\n\r\n1\r\n"),
    ],
    ["a folded header", multipart(), form(part("a", "1", ";\r\n filename=x"))],
    ["line feeds alone", multipart(), form(part("a", "1")).replaceAll("\r", "")],
    [
      "a delimiter with more behind it",
      multipart(),
      form(part("a", "1")).replace("--XX\r", "--XXY\r"),
    ],
    ["not a form", { "content-type": "text/plain", ":path": "/7" }, "a=1"],
    ["no type", { ":path": "/7" }, "a=1"],
  ])("%s: left as it is, or refused", (_name, headers, body) => {
    const skips = filterWith({ set: { a: "2" } });
    expect(send(skips, headers, body).upstreamBody).toBe(body);
    expect(skips.metrics["ruleway.body_skipped.invalid"]).toBe(1);
    const denies = filterWith({ set: { a: "2" } }, [], "deny");
    const refused = send(denies, headers, body);
    expect([refused.status, refused.upstream]).toEqual(["400", undefined]);
    // An expression that asks for a field fails, so a guard closes.
    const guard = filterWith({ remove: ["zzz"] }, [
      { respond: { status: 403 }, when: "request.form.a == '9'" },
    ]);
    expect(send(guard, headers, body).status).toBe("403");
  });

  test("a value that would end its part is not written", () => {
    const filter = filterWith({
      set: { a: "x\r\n--XX\r\nContent-Disposition: form-data; name=b" },
    });
    const body = form(part("a", "1"));
    expect(send(filter, multipart(), body).upstreamBody).toBe(body);
  });

  test("fields are read, files are not", () => {
    const filter = filterWith({ remove: ["zzz"] }, [
      {
        headers: {
          set: {
            "x-a": "$(request.form.a)",
            "x-f": "$(request.form['f'])",
            "x-n": "$(size(request.form))",
          },
        },
      },
    ]);
    const stream = send(filter, multipart('"XX"'), form(part("a", "1"), file, part("a", "2")));
    expect([stream.sent("x-a"), stream.sent("x-f"), stream.sent("x-n")]).toEqual([
      ["1"],
      [],
      ["1"],
    ]);
  });

  test("ten thousand parts are a form, more are not, and both are quick", () => {
    const filter = filterWith({ set: { last: "1" } });
    const many = (n: number) => form(...Array.from({ length: n }, (_, i) => part(String(i), "")));
    expect(send(filter, multipart(), many(9_999)).upstreamBody).toContain('name="last"');
    expect(send(filter, multipart(), many(10_001)).upstreamBody).not.toContain('name="last"');
  });
});

test("no body, and a body that nobody can read", () => {
  const filter = filterWith({ set: { a: "1" } });
  expect(filter.open().request({ ...URLENCODED }).upstreamEnded).toBe(true);
  const zipped = filter.open().request({ ...URLENCODED, "content-encoding": "gzip" }, "a=1");
  expect(zipped.upstreamBody).toBe("a=1");
});

describe("sizes", () => {
  const MiB = 1 << 20;
  const large = `a=1&b=${"x".repeat(2 * MiB)}`;
  const edit = { set: { a: "2" } };

  test.each<[string, object, string | undefined, string, string]>([
    ["over what is read", edit, undefined, large, "sent"],
    ["over what is read, refused with onError", edit, "deny", large, "413"],
    [
      "over what is read, passed in spite of it",
      { ...edit, overLimit: "skip" },
      "deny",
      large,
      "sent",
    ],
    ["over what is read, refused", { ...edit, overLimit: "reject" }, undefined, large, "413"],
    ["within maxSize", { ...edit, maxSize: "3MiB" }, undefined, large, "edited"],
    [
      "over a larger maxSize",
      { ...edit, maxSize: "1500KiB", overLimit: "reject" },
      undefined,
      large,
      "413",
    ],
    ["over a smaller maxSize", { ...edit, maxSize: 4 }, undefined, "a=1&b", "sent"],
    [
      "over a smaller maxSize, refused",
      { ...edit, maxSize: 4, overLimit: "reject" },
      undefined,
      "a=1&b",
      "413",
    ],
  ])("a form %s", (_name, form, onError, body, outcome) => {
    for (const pieces of [[body], [body.slice(0, 3), body.slice(3)]]) {
      const stream = send(filterWith(form, [], onError), URLENCODED, ...pieces);
      if (outcome === "413") expect(stream.status).toBe("413");
      else
        expect(
          stream.upstreamBody === body.replace("a=1", outcome === "sent" ? "a=1" : "a=2"),
        ).toBe(true);
    }
  });
});

test("a guard that asks for each of very many fields runs out of its budget, and acts", () => {
  const filter = filterWith({ remove: ["zzz"] }, [
    { respond: { status: 403 }, when: "request.form.exists(k, request.form[k] == 'x')" },
  ]);
  const many = (n: number) => Array.from({ length: n }, (_, i) => `${i}=`).join("&");
  expect(send(filter, URLENCODED, many(100)).status).toBeUndefined();
  expect(send(filter, URLENCODED, many(100_000)).status).toBe("403");
  expect(filter.metrics["ruleway.expression_failed"]).toBe(1);
});
