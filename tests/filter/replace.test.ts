// `body.replace` with patterns, through the real filter: however the body is cut, what comes out is
// what a slow reference makes of the whole.

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { seeded } from "../seed.ts";
import { Filter } from "./run.ts";

interface Item {
  find?: string;
  regex?: string;
  with: string;
  ignoreCase?: boolean;
  first?: number;
}

/** Leftmost match first, the earlier item on ties, in one pass. */
function reference(body: string, items: Item[]): string {
  const left = items.map(({ first }) => first ?? Number.POSITIVE_INFINITY);
  const expressions = items.map(({ find, regex, ignoreCase }) => {
    const source = regex ?? find!.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
    return new RegExp(source, ignoreCase ? "gi" : "g");
  });
  let output = "";
  let at = 0;
  while (true) {
    const matches = expressions.map((expression, i) => {
      expression.lastIndex = at;
      return left[i]! > 0 ? expression.exec(body) : null;
    });
    const starts = matches.map((match) => match?.index ?? Number.POSITIVE_INFINITY);
    const start = Math.min(...starts);
    if (start === Number.POSITIVE_INFINITY) return output + body.slice(at);
    const i = starts.indexOf(start);
    const match = matches[i]!;
    output += body.slice(at, start);
    output += items[i]!.with.replace(/\$(\d)/g, (_, n) => match[Number(n)] ?? "");
    at = start + match[0].length;
    left[i]!--;
  }
}

const ITEMS: Item[] = [
  { find: "<b>", with: "<i>" },
  { regex: "(secret|key)=(\\w+)", with: "$1=*$2*" },
  { regex: "\\d{3}-\\d{2,}", with: "#", first: 2 },
  { find: "AB", with: "-", ignoreCase: true },
  { regex: "<[a-z]+>.*?</[a-z]+>", with: "[$0]" },
  { regex: "keys?", with: "KEY", ignoreCase: true },
];

function send(filter: Filter, pieces: string[]): string {
  return filter.open().request({}, ...pieces).upstreamBody;
}

describe("a body with patterns", () => {
  test("comes out as the whole would, however it is cut", () => {
    const parts = fc.constantFrom(
      ...["<b>", "</b>", "<i>x</i>", "<", "secret=", "key=", "keys", "abc", "ab", "123", "-4567"],
      ...["12", "-", " ", "\n", "s"],
    );
    fc.assert(
      fc.property(
        fc.array(parts, { minLength: 1, maxLength: 20 }),
        fc.array(fc.nat(5), { maxLength: 30 }),
        fc.shuffledSubarray(ITEMS, { minLength: 1 }),
        (words, cuts, items) => {
          const filter = new Filter();
          expect(
            filter.configure({ ruleway: 1, rules: [{ request: [{ body: { replace: items } }] }] }),
          ).toBe(true);
          const body = words.join("");
          const pieces: string[] = [];
          let at = 0;
          for (const size of cuts) {
            if (at + size >= body.length) break;
            pieces.push(body.slice(at, at + size));
            at += size;
          }
          pieces.push(body.slice(at));
          expect(send(filter, pieces), JSON.stringify({ items, pieces })).toBe(
            reference(body, items),
          );
          expect(filter.traps).toEqual([]);
        },
      ),
      seeded(200),
    );
  });

  test("may have values of the stream in literals beside groups in patterns", () => {
    const filter = new Filter();
    const replace = [
      { find: "@path@", with: "$(request.path)" },
      { regex: "(?i)card (?P<four>\\d{4})\\d+", with: "card $four…" },
    ];
    expect(filter.configure({ ruleway: 1, rules: [{ request: [{ body: { replace } }] }] })).toBe(
      true,
    );
    const stream = filter.open().request({ ":path": "/a" }, "@pa", "th@ Card 12", "345678", "9.");
    expect(stream.upstreamBody).toBe("/a card 1234….");
    expect(stream.upstream?.some(([name]) => name === "content-length")).toBe(false);
  });

  test("passes in bounded memory where a match could go on for ever", () => {
    const filter = new Filter();
    const body = { replace: [{ regex: "<!--(?s:.*)-->", with: "" }], window: 1024 };
    expect(filter.configure({ ruleway: 1, rules: [{ request: [{ body }] }] })).toBe(true);
    const pieces = ["<!--", ...Array.from({ length: 100 }, () => "x".repeat(100)), "--> end"];
    expect(send(filter, pieces)).toBe(pieces.join(""));
    expect(send(filter, ["a<!--", "b", "-->", "c"])).toBe("ac");
  });

  test.each([
    [{ regex: "(", with: "" }, "R306"],
    [{ regex: "a", with: "$2" }, "R306"],
    [{ regex: "a", with: "$(path)" }, "R306"],
    [{ regex: "a", find: "b", with: "" }, "R205"],
    [{ with: "" }, "R205"],
  ])("refuses %j", (item, code) => {
    const filter = new Filter();
    expect(
      filter.configure({ ruleway: 1, rules: [{ request: [{ body: { replace: [item] } }] }] }),
    ).toBe(false);
    expect(filter.errors.join()).toContain(code);
  });

  test("refuses a window that is none", () => {
    const filter = new Filter();
    const body = { replace: [{ regex: "a", with: "b" }], window: 10 };
    expect(filter.configure({ ruleway: 1, rules: [{ request: [{ body }] }] })).toBe(false);
    expect(filter.errors.join()).toContain("R308");
  });
});
