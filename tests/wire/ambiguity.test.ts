// What servers read differently does not pass a guard, and what all of them read alike does: headers,
// parameters, cookies, forms and JSON, as bytes on the wire.

import { expect, test } from "vitest";
import { valuesOf } from "./message.ts";
import { describeWire, type Engine, get } from "./wire.ts";

const guard = (path: string, when: string) =>
  `  - { match: { path: ${path} }, request: [ { respond: { status: 403 }, when: "${when}" } ] }`;

const RULES = `
ruleway: 1
settings: { holdHeaders: true }
rules:
${guard("/query", "request.query_params.role == 'admin'")}
${guard("/under", "request.query_params.user_id == 'admin'")}
${guard("/queries", "'admin' in request.query_values.role")}
${guard("/any-query", "request.query_params.exists(k, v, v == 'admin')")}
${guard("/has", "!has(request.query_params.role)")}
${guard("/header", "request.headers['x-role'] == 'admin'")}
${guard("/headers", "request.header_values['x-role'].exists(v, v == 'admin')")}
${guard("/agents", "request.header_values['user-agent'].size() != 1")}
${guard("/cookie", "request.cookies.role == 'admin'")}
${guard("/cookies", "request.cookie_values.role.size() != 1")}
${guard("/any-cookie", "request.cookies.exists(k, v, v == 'admin')")}
${guard("/form", "request.form.role == 'admin'")}
${guard("/forms", "'admin' in request.form_values['role']")}
${guard("/json", "request.json.role == 'admin'")}
${guard("/whole", "json.encode(request.json).contains('admin')")}
${guard("/list", "request.json.list.exists(each, each.role == 'admin')")}
${guard("/number", "request.json.n > 100")}
  - { match: { path: /match-header, headers: { x-role: admin } }, request: [ { respond: { status: 403 } } ] }
  - { match: { path: /not-header, headers: { x-role: { not: true, exact: user } } }, request: [ { respond: { status: 403 } } ] }
  - { match: { path: /match-query, query: { role: admin } }, request: [ { respond: { status: 403 } } ] }
  - { match: { path: /not-query, not: { query: { role: user } } }, request: [ { respond: { status: 403 } } ] }
  - { match: { path: /match-cookie, cookies: { role: { not: true, in: [user, guest] } } }, request: [ { respond: { status: 403 } } ] }
  - { match: { path: /final, query: { role: admin } }, final: true, request: [ { headers: { set: { x-passed: "1" } } } ] }
  - { match: { path: /final }, request: [ { headers: { set: { x-after: "1" } } }, { respond: { status: 403 } } ] }
  - { match: { path: /final-when }, when: "request.query_params.role == 'admin'", final: true }
  - { match: { path: /final-when }, request: [ { respond: { status: 403 } } ] }
  - { match: { path: /first }, request: [ { headers: { set: { x-first: "$(request.query_params.role)", x-all: "$(request.query_values.role)", x-none: "$(request.query_values.none.size())" } } } ] }
`;

type Row = [name: string, request: string, status: number];

const FORM = "content-type: application/x-www-form-urlencoded";
const MULTIPART = "content-type: multipart/form-data; boundary=XYZ";
const post = (path: string, body: string, ...lines: string[]) =>
  get(path, lines, { method: "POST", body });
const part = (body: string, disposition = 'form-data; name="role"', more = "") =>
  `--XYZ\r\nContent-Disposition: ${disposition}\r\n${more}\r\n${body}\r\n`;
const form = (...parts: string[]) => `${parts.join("")}--XYZ--\r\n`;

const QUERIES: Row[] = [
  ["none", get("/query"), 200],
  ["one", get("/query?role=user"), 200],
  ["the one", get("/query?role=admin"), 403],
  ["two, the second", get("/query?role=user&role=admin"), 403],
  ["two that are the same", get("/query?role=user&role=user"), 200],
  ["two that are not", get("/query?role=user&role=guest"), 403],
  ["an escape", get("/query?r%6fle=%61dmin"), 403],
  ["others", get("/query?a=1&b=2;3&c=%20&roles=admin&xrole=admin"), 200],
  ["a semicolon", get("/query?a=1;role=admin"), 403],
  ["a semicolon in the value", get("/query?role=user;x"), 403],
  ["a bad escape in the value", get("/query?role=user%zz"), 403],
  ["a bad escape in a name", get("/query?%u0072ole=admin"), 403],
  ["a list", get("/query?role[]=admin"), 403],
  ["a list, escaped", get("/query?role%5B0%5D=admin"), 403],
  ["another case", get("/query?Role=admin"), 403],
  ["a blank in front", get("/query?%20role=admin"), 403],
  ["a NUL", get("/query?role%00=admin"), 403],
  ["a NUL in the value", get("/query?role=admin%00"), 403],
  ["what PHP turns into _", get("/under?user.id=admin"), 403],
  ["another such", get("/under?user+id=admin"), 403],
  ["the name itself", get("/under?user_id=x"), 200],
  ["all values", get("/queries?role=user&role=admin"), 403],
  ["all values, none of them", get("/queries?role=user&role=guest"), 200],
  ["all values of nothing", get("/queries"), 200],
  ["any value", get("/any-query?a=1&b=admin"), 403],
  ["any of two", get("/any-query?a=1&a=2"), 403],
  ["none of any", get("/any-query?a=1&b=2"), 200],
  ["there, twice", get("/has?role=1&role=2"), 200],
  ["not there", get("/has?rolf=1"), 403],
];

const HEADERS: Row[] = [
  ["none", get("/header"), 200],
  ["one", get("/header", ["x-role: user"]), 200],
  ["two lines", get("/header", ["x-role: user", "x-role: admin"]), 403],
  ["two lines that are the same", get("/header", ["x-role: user", "x-role: user"]), 200],
  ["an underscore", get("/header", ["x_role: admin"]), 403],
  ["other lines twice", get("/header", ["x-a: 1", "x-a: 2", "x-role: user"]), 200],
  ["all lines", get("/headers", ["x-role: user", "x-role: admin"]), 403],
  ["all members", get("/headers", ["x-role: user, admin"]), 403],
  ["a quoted comma", get("/headers", ['x-role: "user, admin", b']), 200],
  ["a quote that is never closed", get("/headers", ['x-role: "user, admin']), 403],
  ["no line", get("/headers"), 200],
  ["a comma in a single value", get("/agents", ["user-agent: (KHTML, like Gecko)"]), 200],
];

const cookie = (path: string, ...lines: string[]) =>
  get(
    path,
    lines.map((line) => `cookie: ${line}`),
  );
const COOKIES: Row[] = [
  ["none", get("/cookie"), 200],
  ["one", cookie("/cookie", "a=1; role=user; b=x%3Ay"), 200],
  ["the one", cookie("/cookie", "a=1;role=admin"), 403],
  ["twice", cookie("/cookie", "role=user; role=admin"), 403],
  ["two lines", cookie("/cookie", "role=user", "role=admin"), 403],
  ["twice the same", cookie("/cookie", "role=user; role=user"), 200],
  ["quoted", cookie("/cookie", 'role="admin"'), 403],
  ["another that is quoted", cookie("/cookie", 'a="1"; role=user'), 200],
  ["in a quoted one", cookie("/cookie", 'a="x; role=admin; y"'), 403],
  ["after a blank", cookie("/cookie", "a=x role=admin"), 403],
  ["after a comma", cookie("/cookie", "a=x,role=admin"), 403],
  ["a comma and blanks elsewhere", cookie("/cookie", 'a={"x": 1, "y": 2}; role=user'), 200],
  ["blanks around =", cookie("/cookie", "role = admin"), 403],
  ["without =", cookie("/cookie", "role"), 403],
  ["$Version", cookie("/cookie", "$Version=1; role=user"), 403],
  ["a needless escape", cookie("/cookie", "role=%61dmin"), 403],
  ["an escape that is needed", cookie("/cookie", "role=a%3Ab"), 200],
  ["bytes that are none of a cookie's", cookie("/cookie", "role=us\xe9r"), 403],
  ["another case", cookie("/cookie", "Role=admin"), 403],
  ["all of them", cookie("/cookies", "role=a; role=b"), 403],
  ["one of them", cookie("/cookies", "role=a"), 200],
  ["any", cookie("/any-cookie", "a=1; b=admin"), 403],
  ["none of any", cookie("/any-cookie", "a=1; b=2"), 200],
];

const FORMS: Row[] = [
  ["one", post("/form", "role=user&x=%20+", FORM), 200],
  ["the one", post("/form", "role=admin", FORM), 403],
  ["two", post("/form", "role=user&role=admin", FORM), 403],
  ["all of two", post("/forms", "role=user&role=admin", FORM), 403],
  ["all, none of them", post("/forms", "role=user&role=x", FORM), 200],
  ["a semicolon", post("/form", "x=1;role=admin", FORM), 403],
  ["a list", post("/form", "role[]=admin", FORM), 403],
  ["a bad escape", post("/form", "role=%", FORM), 403],
  ["UTF-8", post("/form", "role=user", `${FORM}; charset=UTF-8`), 200],
  ["another charset", post("/form", "role=user", `${FORM}; charset=utf-7`), 403],
  ["a charset field", post("/form", "_charset_=utf-16&role=user", FORM), 403],
  ["a parameter that is none", post("/form", "role=user", `${FORM}; x`), 403],
  ["two types", post("/form", "role=user", FORM, MULTIPART), 403],
  ["no type", post("/form", "role=user"), 403],
];

const file = part("x", 'form-data; name="f"; filename="a.txt"', "Content-Type: text/plain\r\n");
/** As browsers send it. */
const unchosen = (name: string) =>
  part("", `form-data; name="${name}"; filename=""`, "Content-Type: application/octet-stream\r\n");
const MULTIPARTS: Row[] = [
  ["one", post("/form", form(part("user")), MULTIPART), 200],
  ["the one", post("/form", form(part("admin")), MULTIPART), 403],
  ["with a file", post("/form", form(file, part("user")), MULTIPART), 200],
  ["no line end at the end", post("/form", form(part("user")).slice(0, -2), MULTIPART), 200],
  [
    "a name without quotes",
    post("/form", form(part("user", "form-data; name=role")), MULTIPART),
    200,
  ],
  [
    "a type of its own",
    post(
      "/form",
      form(part("user", undefined, "Content-Type: text/plain; charset=utf-8\r\n")),
      MULTIPART,
    ),
    200,
  ],
  [
    "a coding that is none",
    post("/form", form(part("user", undefined, "Content-Transfer-Encoding: 8bit\r\n")), MULTIPART),
    200,
  ],
  [
    "a quoted boundary",
    post("/form", form(part("user")), 'content-type: multipart/form-data; boundary="XYZ"'),
    200,
  ],
  ["empty", post("/form", form(), MULTIPART), 200],
  ["two", post("/form", form(part("user"), part("admin")), MULTIPART), 403],
  ["all of two", post("/forms", form(part("user"), part("admin")), MULTIPART), 403],
  ["a line feed in front", post("/form", `\n${form(part("user"))}`, MULTIPART), 403],
  ["a line in front", post("/form", `x\r\n${form(part("user"))}`, MULTIPART), 403],
  ["an empty line in front", post("/form", `\r\n${form(part("user"))}`, MULTIPART), 403],
  ["more after it", post("/form", `${form(part("user"))}x`, MULTIPART), 403],
  ["a part after it", post("/form", `${form(part("user"))}${form(part("admin"))}`, MULTIPART), 403],
  [
    "more on the last line",
    post("/form", `${part("user")}--XYZ--junk\r\n${form(part("admin"))}`, MULTIPART),
    403,
  ],
  [
    "more on a line",
    post("/form", `${part("user")}--XYZjunk\r\n${form(part("admin"))}`, MULTIPART),
    403,
  ],
  [
    "blanks on a line",
    post("/form", form(part("user").replace("--XYZ\r", "--XYZ \r")), MULTIPART),
    403,
  ],
  [
    "a line feed before a delimiter",
    post("/form", form(part("user\n--XYZ\n").replaceAll("", "")), MULTIPART),
    403,
  ],
  [
    "a CR before a delimiter",
    post(
      "/form",
      form(
        part(
          "x\r--XYZ\r\nContent-Disposition: form-data; name=role\r\n\r\nadmin",
          'form-data; name="a"',
        ),
      ),
      MULTIPART,
    ),
    403,
  ],
  ["line feeds alone", post("/form", form(part("user")).replaceAll("\r", ""), MULTIPART), 403],
  ["no end", post("/form", part("user"), MULTIPART), 403],
  [
    "an empty filename",
    post("/form", form(part("admin", 'form-data; name="role"; filename=""')), MULTIPART),
    403,
  ],
  ["a file that was not chosen", post("/form", form(unchosen("f"), part("user")), MULTIPART), 200],
  ["one of the name", post("/form", form(unchosen("role")), MULTIPART), 403],
  [
    "a file of the name",
    post("/form", form(part("admin", 'form-data; name="role"; filename="x"')), MULTIPART),
    403,
  ],
  [
    "filename*",
    post("/form", form(part("user", "form-data; name=role; filename*=utf-8''x")), MULTIPART),
    403,
  ],
  [
    "name*",
    post("/form", form(part("admin", "form-data; name=x; name*=utf-8''role")), MULTIPART),
    403,
  ],
  [
    "name twice",
    post("/form", form(part("admin", 'form-data; name="x"; name="role"')), MULTIPART),
    403,
  ],
  [
    "a backslash in the name",
    post("/form", form(part("admin", 'form-data; name="x\\"; name=role; y="')), MULTIPART),
    403,
  ],
  [
    "an escaped name",
    post("/form", form(part("admin", 'form-data; name="%72ole"')), MULTIPART),
    403,
  ],
  ["a list", post("/form", form(part("admin", 'form-data; name="role[]"')), MULTIPART), 403],
  [
    "base64",
    post(
      "/form",
      form(part("YWRtaW4=", undefined, "Content-Transfer-Encoding: base64\r\n")),
      MULTIPART,
    ),
    403,
  ],
  [
    "UTF-16",
    post(
      "/form",
      form(part("user", undefined, "Content-Type: text/plain; charset=utf-16\r\n")),
      MULTIPART,
    ),
    403,
  ],
  [
    "bytes that one reader takes for a file",
    post(
      "/form",
      form(part("admin", undefined, "Content-Type: application/octet-stream\r\n")),
      MULTIPART,
    ),
    403,
  ],
  [
    "two dispositions",
    post(
      "/form",
      form(part("user", undefined, 'Content-Disposition: form-data; name="x"\r\n')),
      MULTIPART,
    ),
    403,
  ],
  ["no disposition", post("/form", "--XYZ\r\nX: y\r\n\r\nadmin\r\n--XYZ--\r\n", MULTIPART), 403],
  [
    "another disposition",
    post("/form", form(part("user", 'attachment; name="role"')), MULTIPART),
    403,
  ],
  [
    "a folded line",
    post("/form", form(part("user", 'form-data;\r\n name="role"')), MULTIPART),
    403,
  ],
  [
    "a blank before the colon",
    post("/form", form(part("user").replace(":", " :")), MULTIPART),
    403,
  ],
  ["a NUL", post("/form", form(part("admin\0")), MULTIPART), 403],
  ["two boundaries", post("/form", form(part("user")), `${MULTIPART}; boundary=ABC`), 403],
  [
    "a boundary in parts",
    post(
      "/form",
      form(part("user")),
      "content-type: multipart/form-data; boundary*0=XY; boundary*1=Z",
    ),
    403,
  ],
  [
    "a charset field",
    post("/form", form(part("utf-7", 'form-data; name="_charset_"'), part("user")), MULTIPART),
    403,
  ],
];

const JSON_TYPE = "content-type: application/json";
const JSONS: Row[] = [
  ["one", post("/json", '{"role":"user","x":{"x":1,"y":1}}', JSON_TYPE), 200],
  ["the one", post("/json", '{"role":"admin"}', JSON_TYPE), 403],
  ["twice", post("/json", '{"role":"admin","role":"user"}', JSON_TYPE), 403],
  ["twice, one escaped", post("/json", '{"r\\u006fle":"admin","role":"user"}', JSON_TYPE), 403],
  ["twice the same", post("/json", '{"role":"user","role":"user"}', JSON_TYPE), 403],
  ["another twice", post("/json", '{"a":1,"a":2,"role":"user"}', JSON_TYPE), 200],
  ["another case", post("/json", '{"Role":"admin"}', JSON_TYPE), 403],
  ["the long s", post("/json", '{"role":"user","x":1}'.replace("x", "\xc5\xbf"), JSON_TYPE), 200],
  ["a NUL behind it", post("/json", '{"role\\u0000x":"admin"}', JSON_TYPE), 403],
  ["half a pair behind it", post("/json", '{"role\\ud800":"admin"}', JSON_TYPE), 403],
  ["half a pair in the value", post("/json", '{"role":"admin\\ud800"}', JSON_TYPE), 403],
  ["a pair in the value", post("/json", '{"role":"\\ud83d\\ude00"}', JSON_TYPE), 200],
  ["more behind it", post("/json", '{"role":"user"}{"role":"admin"}', JSON_TYPE), 403],
  ["a comment", post("/json", '{"role":"user"/*,"role":"admin"*/}', JSON_TYPE), 403],
  ["a NUL", post("/json", '{"role":"user"}\0', JSON_TYPE), 403],
  ["as a whole", post("/whole", '{"a":[{"b":1,"c":2}]}', JSON_TYPE), 200],
  ["as a whole, twice inside", post("/whole", '{"a":[{"b":1,"b":2}]}', JSON_TYPE), 403],
  ["in a list", post("/list", '{"list":[{"role":"user"},{"role":"x"}]}', JSON_TYPE), 200],
  ["twice in a list", post("/list", '{"list":[{"role":"user","role":"x"}]}', JSON_TYPE), 403],
  ["the list twice", post("/list", '{"list":[],"list":[{"role":"admin"}]}', JSON_TYPE), 403],
  ["a number", post("/number", '{"n":99}', JSON_TYPE), 200],
  ["beyond a double", post("/number", '{"n":-1e999}', JSON_TYPE), 403],
  ["beyond 64 bits", post("/number", '{"n":-99999999999999999999}', JSON_TYPE), 403],
];

const MATCHES: Row[] = [
  ["header: one", get("/match-header", ["x-role: user"]), 200],
  ["header: two", get("/match-header", ["x-role: user", "x-role: admin"]), 403],
  ["header: an underscore", get("/match-header", ["x_role: y"]), 403],
  ["not header: the one", get("/not-header", ["x-role: user"]), 200],
  ["not header: none", get("/not-header"), 403],
  ["not header: two", get("/not-header", ["x-role: user", "x-role: admin"]), 403],
  ["query: one", get("/match-query?role=user"), 200],
  ["query: two", get("/match-query?role=user&role=admin"), 403],
  ["query: a semicolon", get("/match-query?a=1;role=admin"), 403],
  ["query: a list", get("/match-query?role[]=admin"), 403],
  ["not query: the one", get("/not-query?role=user"), 200],
  ["not query: two", get("/not-query?role=user&role=admin"), 403],
  ["not query: a list", get("/not-query?role=user&role[]=admin"), 403],
  ["cookie: one", cookie("/match-cookie", "role=user"), 200],
  ["cookie: two", cookie("/match-cookie", "role=user; role=admin"), 403],
  ["cookie: quoted", cookie("/match-cookie", 'role="user"'), 403],
  ["a final rule", get("/final?role=admin"), 200],
  ["a final rule for another", get("/final?role=user"), 403],
  ["a final rule for both", get("/final?role=admin&role=user"), 403],
  ["the same the other way round", get("/final?role=user&role=admin"), 403],
  ["final by when", get("/final-when?role=admin"), 200],
  ["final by when for both", get("/final-when?role=admin&role=user"), 403],
];

async function statuses(engine: Engine, rows: Row[]): Promise<string[]> {
  return Promise.all(
    rows.map(async ([name, request]) => {
      const { answers, problem } = await engine.ask([request], [request.split(" ")[0]!]);
      return `${name}: ${answers[0]?.status ?? problem}`;
    }),
  );
}

describeWire("what servers read differently", RULES, {}, (engine) => {
  test.each([
    ["queries", QUERIES],
    ["headers", HEADERS],
    ["cookies", COOKIES],
    ["urlencoded forms", FORMS],
    ["multipart forms", MULTIPARTS],
    ["JSON", JSONS],
    ["match", MATCHES],
  ] as Array<[string, Row[]]>)("%s", async (_name, rows) => {
    const wanted = rows.map(([name, , status]) => `${name}: ${status}`);
    expect(await statuses(engine(), rows)).toEqual(wanted);
    const passed = rows.filter(([, , status]) => status === 200).length;
    expect(engine().upstream.seen).toHaveLength(passed);
  });

  test("edits read the first, and may read all", async () => {
    await engine().ask([get("/first?role=a&role=b")]);
    const [seen] = engine().upstream.seen;
    expect(["x-first", "x-all", "x-none"].map((name) => valuesOf(seen!, name))).toEqual([
      ["a"],
      ['["a","b"]'],
      ["0"],
    ]);
  });
});
