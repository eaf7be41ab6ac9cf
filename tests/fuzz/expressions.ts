// Random expressions for the fuzzer: well formed, broken, and hostile, in the places where rules have
// them. What the traffic can say (x-tier, the path, cookies) is what they work on.

import type { Random } from "./fuzz.ts";

const LEAVES = [
  "request.headers['x-tier']",
  "request.headers",
  "request.query_params",
  "request.query_params['a']",
  "request.cookies['a']",
  "request.cookies",
  "request.path",
  "request.method",
  "original.headers['x-tier']",
  "original.query_params",
  "source.address",
  "client.ip",
  "ctx.v",
  "now",
  "rule.name",
  "uuid()",
  "random()",
  "null",
  "true",
  "0",
  "-1",
  "18446744073709551615u",
  "9223372036854775807",
  "1e308",
  "double('nan')",
  "''",
  "'é\\u0000\\r\\n'",
  "b'\\xff'",
  "[]",
  "{}",
  "lists.range(1000)",
  "duration('1h')",
  "timestamp(0)",
  "optional.none()",
  "'(a+)+$'",
  "'**/*[a-z'",
];

const UNARY = [
  "!$",
  "-$",
  "size($)",
  "string($)",
  "int($)",
  "double($)",
  "dyn($)",
  "type($)",
  "timestamp($)",
  "duration($)",
  "json.encode($)",
  "json.parse($)",
  "base64.decode($)",
  "url.decode($)",
  "http.parseDate($)",
  "hash.sha256($)",
  "strings.quote($)",
  "ip($)",
  "cidr($)",
  "optional.of($)",
  "$.size()",
  "$.trim()",
  "$.reverse()",
  "$.sort()",
  "$.distinct()",
  "$.flatten()",
  "$.first()",
  "$.getDayOfYear()",
  "$.map(x, x)",
  "$.filter(x, x == $)",
  "$.map(x, [x, x])",
  "$.transformMap(i, v, {i: v})",
  "$.sortBy(x, x)",
  "$.exists(x, x == $)",
  "lists.range($)",
  "has($.a)",
  "$.a",
  "$.?a",
  "$[?0]",
  "cel.bind(x, $, [x, x])",
  "[$, $]",
  "{'a': $}",
  "{$: 1}",
  "'%s %d %.50f'.format([$, $, $])",
];

const BINARY = [
  "$ + $",
  "$ - $",
  "$ * $",
  "$ / $",
  "$ % $",
  "$ == $",
  "$ != $",
  "$ < $",
  "$ in $",
  "$ && $",
  "$ || $",
  "$[$]",
  "$.contains($)",
  "$.startsWith($)",
  "$.matches($)",
  "glob($, $)",
  "$.split($)",
  "$.join($)",
  "$.indexOf($)",
  "$.lastIndexOf($)",
  "$.substring($)",
  "$.orValue($)",
  "default($, $)",
  "regex.extractAll($, $)",
  "regex.extract($, $)",
  "sets.contains($, $)",
  "math.greatest($, $)",
  "$.getHours($)",
  "hmac.sha256($, $)",
  "$.charAt($)",
  "$.flatten($)",
];

const TERNARY = [
  "$ ? $ : $",
  "$.replace($, $)",
  "regex.replace($, $, $)",
  "$.slice($, $)",
  "$.map(x, $.map(y, $))",
];

/** An expression of so many levels at most. Few types go together, so nearly all are made dyn. */
function grown(random: Random, levels: number): string {
  if (levels === 0 || random.chance(15)) {
    const leaf = random.of(LEAVES);
    return random.chance(96) ? `dyn(${leaf})` : leaf;
  }
  const form = random.of(random.of([UNARY, UNARY, BINARY, BINARY, TERNARY]));
  const text = form.replace(/\$/g, () => grown(random, levels - 1));
  return random.chance(96) ? `dyn(${text})` : `(${text})`;
}

const CHARACTERS = "()[]{}'\"\\`.?:,+-*/%!&|=<>$ \n\0\x7fé0123abxyzrRbB_";

/** Some of it cut out, doubled, or replaced. */
function broken(text: string, random: Random): string {
  const at = random.below(text.length + 1);
  const to = Math.min(text.length, at + random.below(12));
  switch (random.below(4)) {
    case 0:
      return text.slice(0, at) + text.slice(to);
    case 1:
      return text.slice(0, to) + text.slice(at);
    case 2:
      return text.slice(0, at) + CHARACTERS[random.below(CHARACTERS.length)] + text.slice(to);
    default:
      return text.slice(0, at) + text.slice(at, to).repeat(random.below(50)) + text.slice(to);
  }
}

/** Some expression, or nearly one. */
export function expression(random: Random): string {
  const text = grown(random, 1 + random.below(4));
  return random.chance(2) ? broken(text, random) : text;
}

function template(random: Random): string {
  if (random.chance(70)) return `$(${expression(random)})`;
  return `a$(${expression(random)})b $$(c) $(${expression(random)})`;
}

function step(random: Random, inResponse: boolean): object {
  const common: Record<string, unknown> = {};
  if (random.chance(40)) common["when"] = `dyn(${expression(random)})`;
  if (random.chance(30)) common["onError"] = random.of(["skip", "deny"]);
  const shared = [
    () => ({ headers: { set: { "x-tier": template(random) }, add: { b: [template(random)] } } }),
    () => ({ respond: { status: random.of([200, 403]), json: { a: template(random) } } }),
    () => ({ body: { json: { set: { "/a": template(random) } } } }),
    () => ({ body: { text: template(random) } }),
    () => ({ set: { v: template(random) } }),
    () => ({ log: template(random) }),
  ];
  const requests = [
    () => ({ path: template(random) }),
    () => ({ host: template(random) }),
    () => ({ query: { set: { a: template(random) } } }),
    () => ({ cookies: { set: { a: template(random) } } }),
    () => ({ redirect: { to: template(random) } }),
    () => ({ limit: { headerBytes: 100 } }),
  ];
  const verb = random.of(inResponse ? shared : [...shared, ...requests])();
  return { ...verb, ...common };
}

const steps = (random: Random, inResponse: boolean) =>
  Array.from({ length: 1 + random.below(2) }, () => step(random, inResponse));

/** A document full of expressions, as a tree. */
export function expressionRules(random: Random): unknown {
  const rules = Array.from({ length: 1 + random.below(2) }, () => ({
    ...(random.chance(30) ? { when: `dyn(${expression(random)})` } : {}),
    ...(random.chance(20) ? { final: true } : {}),
    request: [{ set: { v: template(random) } }, ...steps(random, false)],
    ...(random.chance(50) ? { response: steps(random, true) } : {}),
  }));
  return { ruleway: 1, settings: { onInvalidRule: "skip" }, rules };
}
