// Forms that the filter reads are read alike by others: by the reader in Node, by Python's for mail, and by
// a careless one that looks for what it knows. Whatever is changed in a form, either all of them see the same
// fields, or the filter sees none.

import { spawnSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { seeded } from "../seed.ts";
import { Filter } from "./run.ts";

type Fields = Array<[name: string, value: string]>;

const TYPE = "multipart/form-data; boundary=XYZ";

const filter = new Filter();
const isAccepted = filter.configure({
  ruleway: 1,
  settings: { holdHeaders: true },
  rules: [
    {
      request: [
        { respond: { status: 403 }, when: "request.form_values.exists(k, v, size(v) == 0)" },
        { headers: { set: { "x-read": "$(json.encode(request.form_values))" } } },
      ],
    },
  ],
});
if (!isAccepted) throw new Error(filter.errors.join("\n"));

/** What a guard reads; undefined when it acts. */
function readByUs(type: string, body: Buffer): Map<string, string[]> | undefined {
  const length = String(body.length);
  const stream = filter.open().request({ "content-type": type, "content-length": length }, body);
  const read = stream.sent("x-read")[0];
  const isRefused = stream.status === "403";
  stream.close();
  if (isRefused) return undefined;
  const text = Buffer.from(read ?? "{}", "latin1").toString();
  return new Map(Object.entries(JSON.parse(text) as Record<string, string[]>));
}

function grouped(fields: Fields): Map<string, string[]> {
  const map = new Map<string, string[]>();
  for (const [name, value] of fields) map.set(name, [...(map.get(name) ?? []), value]);
  return map;
}

/** Undefined when it does not take the form. */
async function readByNode(type: string, body: Buffer): Promise<Fields | undefined> {
  const response = new Response(new Uint8Array(body), { headers: { "content-type": type } });
  const form = await response.formData().catch(() => undefined);
  if (form === undefined) return undefined;
  return [...form.entries()].filter(
    (each): each is [string, string] => typeof each[1] === "string",
  );
}

/** Takes whatever looks like a field: any line end, anything around the parts, any spelling. */
function readCarelessly(body: Buffer): Fields {
  const text = body.toString();
  return text.split(/--XYZ/).flatMap((part): Fields => {
    const [, head, value] = /^([\s\S]*?)\r?\n\r?\n([\s\S]*?)(?:\r\n|\n|\r)?$/.exec(part) ?? [];
    const line = head?.match(/content-disposition\s*:(?:[^\r\n]|\r?\n[ \t])*/gi)?.at(-1) ?? "";
    if (/filename/i.test(line)) return [];
    const names = [...line.matchAll(/name\*?\s*=\s*(?:utf-8'')?"?([^";\r\n]*)/gi)];
    return names.length > 0 ? [[decodeURIComponent(names.at(-1)![1]!), value!]] : [];
  });
}

const PYTHON = `
import sys, json, email, email.policy
out = []
for type, body in json.load(sys.stdin):
    head = b"content-type: " + type.encode("latin-1") + b"\\r\\n\\r\\n"
    message = email.message_from_bytes(head + bytes.fromhex(body), policy=email.policy.HTTP)
    fields = []
    for part in message.get_payload() if message.is_multipart() else []:
        if part.get_filename() is not None: continue
        name = part.get_param("name", header="content-disposition")
        fields.append([name, part.get_payload(decode=True).decode("utf-8", "replace")])
    out.append(fields)
json.dump(out, sys.stdout)
`;

function readByPython(forms: Array<[type: string, body: Buffer]>): Fields[] {
  const input = JSON.stringify(forms.map(([type, body]) => [type, body.toString("hex")]));
  const { status, stdout, stderr } = spawnSync("python3", ["-c", PYTHON], { input });
  if (status !== 0) throw new Error(String(stderr));
  return JSON.parse(String(stdout)) as Fields[];
}

const hasPython = spawnSync("python3", ["--version"]).status === 0;

const name = fc.constantFrom("role", "a", "b-1", "é", "user[x]");
const value = fc.string({ unit: fc.constantFrom("x", "admin", "-", "=", " ", "é", "\r\n", ";") });
const part = fc
  .tuple(
    name,
    value,
    fc.constantFrom("", "", '; filename="f.txt"'),
    fc.constantFrom("", "", "X: y"),
  )
  .map(([n, v, file, line]) => {
    const head = `Content-Disposition: form-data; name="${n}"${file}${line && `\r\n${line}`}`;
    return `--XYZ\r\n${head}\r\n\r\n${v}\r\n`;
  });
const form = fc.array(part, { maxLength: 4 }).map((parts) => `${parts.join("")}--XYZ--\r\n`);

const CUTS = [
  ...["\r\n", "\n", "\r", "\r\n\r\n", " ", "\t", "\0", '"', "\\", ";", "=", "*", "--", "-", ":"],
  ...["--XYZ", "--XYZ--", "\r\n--XYZ\r\n", "\n--XYZ\n", "--XYZ--junk", "--XYZjunk", "%72ole"],
  ...['; name="role"', "; name=role", "; name*=utf-8''role", '; filename=""', "; filename*=x''y"],
  ...["\r\nContent-Transfer-Encoding: base64", "\r\nContent-Type: text/plain; charset=utf-16"],
  ...["\r\nContent-Type: application/octet-stream", '\r\ncontent-disposition: form-data; name="x"'],
  ...["\r\nContent-Transfer-Encoding: quoted-printable", "=61dmin", "\r\n ", "form-data", "admin"],
  ...[
    "\r\nContent-Type: multipart/mixed; boundary=Q",
    '\r\nContent-Disposition: attachment; name="role"',
  ],
];

/** Changes: at a place, so many bytes become others. */
const changes = fc.array(
  fc.tuple(fc.nat(), fc.constantFrom(0, 0, 0, 1, 2, 7), fc.constantFrom("", ...CUTS)),
  { minLength: 0, maxLength: 3 },
);

function changed(text: string, edits: Array<[number, number, string]>): string {
  return edits.reduce((now, [at, gone, put]) => {
    const from = at % (now.length + 1);
    return now.slice(0, from) + put + now.slice(from + gone);
  }, text);
}

/** The same at places where something is decided: line ends, delimiters, parameters. */
const PLACES = /\r\n|--XYZ|--\r|;|=|"|:/g;
function changedThere(text: string, edits: Array<[number, number, string]>): string {
  return edits.reduce((now, [at, gone, put]) => {
    const places = [...now.matchAll(PLACES)].map((each) => each.index);
    const from = (places[at % Math.max(places.length, 1)] ?? 0) + (at % 3 === 0 ? 1 : 0);
    return now.slice(0, from) + put + now.slice(from + gone);
  }, text);
}

/** What we have read of what, for the test after that. */
const forms: Array<[type: string, body: Buffer, ours: Map<string, string[]>]> = [];

test("whatever a form is changed to, it is read as others read it, or not at all", async () => {
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(form, changes, fc.boolean(), async (text, edits, isThere) => {
      const body = Buffer.from((isThere ? changedThere : changed)(text, edits));
      const ours = readByUs(TYPE, body);
      if (ours === undefined) {
        refused++;
        // What browsers write is read.
        expect(edits.length).toBeGreaterThan(0);
        return;
      }
      forms.push([TYPE, body, ours]);
      const nodes = await readByNode(TYPE, body);
      if (nodes !== undefined) expect(grouped(nodes)).toEqual(ours);
      expect(grouped(readCarelessly(body))).toEqual(ours);
    }),
    seeded(2000),
  );
  expect(forms.length).toBeGreaterThan(200);
  expect(refused).toBeGreaterThan(200);
});

test.skipIf(!hasPython)("and as Python reads it", () => {
  const theirs = readByPython(forms.map(([type, body]) => [type, body]));
  for (const [i, [, body, ours]] of forms.entries()) {
    expect(grouped(theirs[i]!), JSON.stringify(body.toString())).toEqual(ours);
  }
});
