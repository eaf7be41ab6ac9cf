// That nothing in a file's name, or in what a file says, gets out of the place that a format has for it.

import fc from "fast-check";
import { expect, test } from "vitest";
import { seeded } from "../tests/seed.ts";
import type { Diagnostic } from "./diagnostic.ts";
import { FORMATS, render } from "./render.ts";

const text = fc.string({
  unit: fc.constantFrom(
    ...["a", " ", "%", ":", ",", "::", "\r", "\n", "\t", "\0", "\u001b[31m", "\u009b", "\u007f"],
    ...["<", ">", "&", '"', "'", "]]>", "-->", "\ufffe", "\ud800", "\u202e", "\u2028", "é", "😀"],
  ),
});

const diagnostic = fc.record({
  code: fc.constantFrom("R200", "W502"),
  severity: fc.constantFrom("error", "warning", "note"),
  message: text,
  hint: fc.option(text, { nil: undefined }),
  file: text,
  pointer: fc.constant(""),
  range: fc.constant({ start: { line: 1, column: 1 }, end: { line: 1, column: 2 } }),
}) as unknown as fc.Arbitrary<Diagnostic>;

/** What a terminal acts on, or XML does not have. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/;

test("no format lets a control character out", () => {
  fc.assert(
    fc.property(diagnostic, fc.constantFrom(...FORMATS), (each, format) => {
      const out = render([each], format, new Map([[each.file, "line"]]));
      expect(out).not.toMatch(CONTROLS);
    }),
    seeded(2000),
  );
});

test("a diagnostic is one workflow command, whose properties are where they belong", () => {
  fc.assert(
    fc.property(diagnostic, (each) => {
      const out = render([each], "github", new Map());
      expect(out.match(/\n/g)).toHaveLength(1);
      const [, properties, message] = /^::\w+ (.*?)::(.*)\n$/s.exec(out)!;
      const parts = properties!.split(",").map((part) => part.split("="));
      expect(parts.map(([name]) => name)).toEqual(["file", "line", "col", "title"]);
      const plain = (coded: string) =>
        decodeURIComponent(coded.replace(/%(?!25|0D|0A|3A|2C)/g, "%25"));
      const shown = (value: string) => value.replace(/[^\P{Cc}\t\r\n]|[\u202a-\u202e]/gu, "\ufffd");
      const file = properties!.slice("file=".length, properties!.indexOf(",line="));
      expect(plain(file)).toBe(shown(each.file));
      const hint = each.hint ? `; ${each.hint}` : "";
      expect(plain(message!)).toBe(shown(`${each.message}${hint}`));
    }),
    seeded(1000),
  );
});

test("junit is XML whose attributes and texts are what was said", () => {
  fc.assert(
    fc.property(diagnostic, (each) => {
      const error = { ...each, severity: "error" as const };
      const out = render([error], "junit", new Map([[error.file, "line"]]));
      const name = /<testcase classname="ruleway.check" name="([^"<>]*)">/.exec(out)?.[1];
      const message = /<failure type="\w+" message="([^"<>]*)">([^<>]*)<\/failure>/.exec(out);
      expect([name, message?.[1]]).toEqual([expect.any(String), expect.any(String)]);
      expect(out.replace(/&(amp|lt|gt|quot|#9|#10|#13);/g, "")).not.toContain("&");
    }),
    seeded(1000),
  );
});

test("a path in SARIF is a URI", () => {
  const each = { code: "R200", severity: "error", message: "m", file: "a b/c:d#%.yaml" };
  const out = render([each as Diagnostic], "sarif", new Map());
  expect(out).toContain('"uri": "a%20b/c%3Ad%23%25.yaml"');
});
