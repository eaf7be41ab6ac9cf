// The engine beside an independent implementation of CEL, on expressions made at random; and what no
// input may do to it: trap, or cost more than an evaluation may.

import {
  type CelInput,
  type CelValue,
  celEnv,
  celUint,
  isCelError,
  isCelList,
  isCelMap,
  isCelType,
  isCelUint,
  parse,
  plan,
} from "@bufbuild/cel";
import { strings } from "@bufbuild/cel/ext";
import fc from "fast-check";
import { beforeAll, describe, expect, test } from "vitest";
import { loadProbe, type Probe } from "../../tests/probe.ts";
import { seeded } from "../../tests/seed.ts";
import * as suite from "../../tests/suites/cel.ts";
import { begin, CHECK, canonical, NO_FOLDING, type Typed } from "../../tests/suites/cel.ts";

// The other implementation makes local dates on its way to the parts of a timestamp, and local dates
// have gaps where summer time begins.
process.env["TZ"] = "UTC";

const BUDGET = 1_000_000;
/** The step that is refused is counted too, and may ask for as much as all before it together; some
 * more goes by before somebody looks. */
const MOST = 2 * BUDGET + 100_000;

let probe: Probe;
beforeAll(async () => {
  probe = await loadProbe("cel");
});

/** Draws choices from a tape of bytes. After its end it is always the first choice, which is to be
 * the simplest: so a shorter tape is a simpler expression, and failures shrink well. */
class Choices {
  private readonly tape: Uint8Array;
  private at = 0;

  constructor(tape: Uint8Array) {
    this.tape = tape;
  }

  below(n: number): number {
    return (this.tape[this.at++] ?? 0) % n;
  }

  /** True once in `n` times. */
  once(n: number): boolean {
    return this.below(n) === n - 1;
  }

  of<T>(options: readonly T[]): T {
    return options[this.below(options.length)]!;
  }
}

const tape = (maxLength: number) => fc.uint8Array({ maxLength, size: "max" });

// ---- what is drawn from. What the other implementation does differently from the CEL
// specification is not drawn, wherever it could matter:
//
// - null as a value in a map: `in` and has() take it for absent
// - doubles as keys in a literal: taken when they are integers
// - equal keys of type uint in a literal, or equal as int and uint: not noticed
// - indices of type bool in lists: numbers; has() of what is no map: false
// - equality of doubles and integers beyond 2^53: compared exactly, the conformance cases do not
// - the negative of a negative: the same as the number, where the smallest int has to overflow
// - strings: ordered, and indexed by the strings extension, in UTF-16 (hence two alphabets)
// - int(), uint(), double(), bool(), duration(), timestamp() of texts: what JavaScript takes as numbers,
//   empty texts, days that the month does not have; \u in bytes
// - timestamp(int), duration(int), int(duration): other units than cel-go has; getMilliseconds()
//   of a duration, where the implementations disagree
// - string() of doubles that need an exponent, of timestamps and durations with fractions
// - the smallest int modulo -1: zero; quotients of uints beyond the largest int: errors; literals beyond their type: taken
// - parts of timestamps before the year 100, or finer than milliseconds; time zones by name (midnight is the next day)
// - split() with a limit, replace() of nothing or with a negative count: as JavaScript has them
// - matches() as a function, which it does not have
//
// And of what our engine decides for itself: literal patterns that are wrong (refused before anything
// is evaluated), an offset at the end of a text for indexOf(), more values than a format asks for,
// uint() of doubles between -1 and 0, which are rounded first.

const words = ({ raw }: TemplateStringsArray) => raw[0]!.trim().split(/\s+/);
/** One a line; `3x` before it says how often to count it. */
const lines = ({ raw }: TemplateStringsArray) =>
  raw[0]!
    .trim()
    .split(/\n\s*/)
    .flatMap((line) => {
      const [, times, rest] = /^(?:(\d+)x )?(.*)$/.exec(line)!;
      return Array.from({ length: Number(times ?? 1) }, () => rest!);
    });

const WORDS = [
  ...["", "a", "b", "ab", "tacocat", "hello world", "a,b,c", "A-B", " pad\t", "123", "é"],
  ...["the quick brown fox jumps over a lazy dog", `${"ab".repeat(20)}b,${"a".repeat(33)}`],
];
const ALPHABETS = {
  bmp: [...WORDS, "λx", "x漢y", "\n'\"\\"],
  astral: [...WORDS, "😀", "a😀b", "\u{10FFFF}"],
};
type Alphabet = keyof typeof ALPHABETS;

/** A text in the ways there are to write it as a literal. */
function literals(text: string): string[] {
  const codes = [...text].map((c) => c.codePointAt(0)!.toString(16).padStart(8, "0"));
  const escaped = text.replace(/["'\\]/g, "\\$&");
  const inOneLine = escaped.replace(/\n/g, "\\n").replace(/\t/g, "\\x09");
  const isPlain = escaped === text && inOneLine === text;
  return [
    ...[`'${inOneLine}'`, `"${inOneLine}"`, `"""${escaped}"""`, `'''${escaped}'''`],
    ...[`'${codes.map((code) => `\\U${code}`).join("")}'`, isPlain ? `r'${text}'` : '""'],
  ];
}

const MAX = "9223372036854775807";
const MIN = "-9223372036854775808";
const UINT_MAX = "18446744073709551615";
const INSTANTS = words`
  2009-02-13T23:31:30Z 1970-01-01T00:00:00Z 2024-02-29T12:34:56.789Z 1969-12-31T23:59:59.999Z
  2023-11-05T01:02:03.5+05:30 1600-12-31T00:00:00-08:00 2100-12-31T23:59:59Z`;

const SCALARS = words`int uint double bool string bytes timestamp duration`;
const LISTS = [...SCALARS.slice(0, 5), "dyn", "list(int)"].map((type) => `list(${type})`);
const MAPS = lines`
  map(string, int)
  map(int, string)
  map(bool, int)
  map(uint, string)
  map(string, map(string, int))`;
const elementOf = (list: string) => list.slice(5, -1);

/** What expressions of a type may be: `leaves` end them. In a template, <T> stands for an expression
 * of type T, <T?> for one that is not always of that type, and $<T> for a new variable, which the
 * rest of the template may use. Some of the types are not of CEL: leaves for one purpose. */
type Grammar = Record<string, { leaves: string[]; deep?: string[] }>;

function grammar(alphabet: Alphabet): Grammar {
  const extended = (templates: string[]) => (alphabet === "bmp" ? templates : []);
  const rules: Grammar = {
    int: {
      leaves: words`
        0 1 2 -1 3 7 10 -3 100 0x1F 4294967296 9223372036854775807 -9223372036854775808
        9007199254740993 9223372036854775806 3037000500 -4611686018427387904`,
      deep: [
        ...lines`
          4x <int?> + <int?>
          3x <int?> - <int?>
          3x <int?> * <int?>
          3x <int?> / <int?>
          2x <int?> % <divisor>
          -(<int> + <int>)
          -(<int> * <int>)
          size(<string>)
          <string>.size()
          size(<bytes>)
          size(<map(int, string)>)
          <map(string, int)>.size()
          int(<uint>)
          2x int(<double>)
          int(<timestamp>)
          int('<text of an int>')
          <map(bool, int)>[<bool>]
          2x timestamp('<instant>').<part>(<zone>)
          (timestamp('<instant>') - duration('<span>')).<part>(<zone>)
          <duration>.getHours()
          <duration>.getMinutes()
          <duration>.getSeconds()`,
        ...extended(lines`
          <string?>.indexOf(<string?>)
          <string?>.lastIndexOf(<string?>)
          'tacocat'.indexOf('a', <offset>)
          'tacocat'.lastIndexOf('a', <offset>)`),
      ],
    },
    uint: {
      leaves: words`0u 1u 2u 3u 10u 0xFFu 4294967296u 18446744073709551615u`,
      deep: lines`
        2x <uint?> + <uint?>
        2x <uint?> - <uint?>
        <uint?> * <uint?>
        <uint?> / <uint divisor>
        <uint?> % <uint?>
        2x uint(<int>)
        2x uint(<double for uint>)
        uint('<text of a uint>')`,
    },
    double: {
      leaves: words`0.0 1.0 -1.5 0.5 2.5 3.0 1e3 -0.0 .25 1e308 1.5e-300`,
      deep: lines`
        2x <double?> + <double?>
        2x <double?> - <double?>
        2x <double?> * <double?>
        2x <double?> / <double?>
        2x -<double>
        2x double(<int>)
        double(<uint>)
        double('<text of a double>')`,
    },
    bool: {
      leaves: ["true", "true", "false", "false", "<failing>"],
      deep: [
        ...lines`
          6x <bool?> && <bool?>
          6x <bool?> || <bool?>
          3x !<bool?>
          <int> == <uint>
          <uint> != <int>
          <int> == <small double>
          <small double> != <uint>
          <dyn> == <int>
          <list(dyn)> == <list(int)>
          <string> == <bytes>
          <map(int, string)> == <map(uint, string)>
          <null_type> == <dyn>
          <type> == <type>
          <dyn> < <int>
          <uint> in <list(int)>
          <small double> in <list(int)>
          <int> in <list(uint)>
          <string> in <list(dyn)>
          <string> in <map(string, int)>
          <int> in <map(int, string)>
          <uint> in <map(int, string)>
          <small double> in <map(uint, string)>
          <bool> in <map(bool, int)>
          has(<map(string, int)>.<field>)
          2x has(<map(string, map(string, int))>.<field>.<field>)
          <string?>.startsWith(<string?>)
          <string?>.endsWith(<string?>)
          <string?>.contains(<string?>)
          2x <string?>.matches('<pattern>')
          bool(<bool>)
          bool('<text of a bool>')`,
        ...[...SCALARS, ...LISTS, ...MAPS, "dyn", "null_type"].flatMap((type) => [
          `<${type}> == <${type}>`,
          `<${type}> != <${type}>`,
        ]),
        ...["<", "<=", ">", ">="].flatMap((operator) => [
          ...SCALARS.map((type) => `<${type}?> ${operator} <${type}?>`),
          ...[`<int> ${operator} <uint>`, `<uint> ${operator} <int>`],
          ...[`<int> ${operator} <double>`, `<double> ${operator} <uint>`],
        ]),
        ...LISTS.map((type) => `<${elementOf(type)}> in <${type}>`),
        ...["all", "exists", "exists_one", "existsOne"].flatMap((macro) => [
          ...LISTS.flatMap((type) => `<${type}?>.${macro}($<${elementOf(type)}>, <bool?>)`),
          `<map(string, int)>.${macro}($<string>, <bool?>)`,
          `<map(int, string)>.${macro}($<int>, <bool?>)`,
        ]),
      ],
    },
    string: {
      leaves: ALPHABETS[alphabet].flatMap(literals),
      deep: [
        ...lines`
          4x <string?> + <string?>
          string(<int>)
          string(<uint>)
          string(<bool>)
          string(<bytes>)
          string(<string>)
          string(<plain double>)
          string(timestamp('2023-11-05T01:02:03+05:30'))
          string(duration('-90m'))
          2x <map(int, string)>[<int>]
          <map(int, string)>[<dyn>]
          <map(uint, string)>[<uint>]
          <map(uint, string)>[<int>]`,
        ...extended(lines`
          <string?>.substring(<small int>)
          2x <string?>.substring(<small int>, <small int>)
          2x <string?>.charAt(<small int>)
          <string?>.replace('a', <string?>)
          <string?>.replace('t', <string?>, 1)
          <string?>.replace('ab', <string?>, 0)
          <string?>.lowerAscii()
          <string?>.upperAscii()
          <string?>.trim()
          <list(string)>.join()
          2x <list(string)>.join(<string?>)
          strings.quote(<string?>)
          '%s, %s'.format([<string>, <int>])
          '%s%%'.format([<bool>])
          '%s %s'.format([<uint>, <list(int)>])
          '%d %d'.format([<int>, <uint>])
          '%x %X'.format([<int>, <uint>])
          '%x %X'.format([<string>, <bytes>])
          '%o %b'.format([<int>, <int>])
          '%b'.format([<bool>])
          '%.3f %f'.format([<plain double>, <plain double>])
          '%.2e'.format([12345.0])
          '%d'.format([<string>])
          '%s %s'.format([<int>])`),
      ],
    },
    bytes: {
      leaves: words`b'' b'abc' b'\xff\x00' b'é' b"ab" b'\141\142z'`,
      deep: lines`
        2x <bytes?> + <bytes?>
        bytes(<string>)
        bytes(<bytes>)`,
    },
    timestamp: {
      leaves: lines`
        7x timestamp('<instant>')
        timestamp('<edge instant>')`,
      deep: lines`
        2x <timestamp?> + <duration?>
        <timestamp?> - <duration?>
        <duration?> + <timestamp?>
        timestamp(<timestamp>)`,
    },
    duration: {
      leaves: lines`
        7x duration('<span>')
        duration('<edge span>')`,
      deep: lines`
        2x <duration?> + <duration?>
        2x <duration?> - <duration?>
        2x <timestamp?> - <timestamp?>
        duration(<duration>)`,
    },
    null_type: { leaves: ["null"] },
    type: {
      leaves: words`int uint double bool string bytes list map null_type type`,
      deep: [...SCALARS, ...LISTS, ...MAPS, "dyn", "null_type", "type"].map((t) => `type(<${t}>)`),
    },
    dyn: {
      leaves: lines`
        <small int>
        <small double>
        <string>
        <bool>
        <uint>
        null`,
      deep: ["<bool?> ? <small int> : <string>", "<bool> ? null : <list(int)>"],
    },
    wrong: { leaves: words`'a' true null [1] b'a' 1u` },
    "small int": { leaves: words`0 1 2 -1 3 5` },
    "small double": { leaves: words`0.0 1.0 2.0 2.5 -1.0 0.5` },
    "plain double": { leaves: words`1.5 0.25 -2.5 100.0 0.125` },
    index: { leaves: words`0 1 0 0 1 2 0 -1 5` },
    "double for uint": {
      leaves: words`0.0 1.5 2.999 1e18 1.8e19 18446744073709551615.0 1e300 -1.0 -7.5`,
      deep: lines`
        double(<int>)
        double(<uint>) * 0.75`,
    },
    "uint divisor": { leaves: words`2u 3u 0u 10u` },
    offset: { leaves: words`0 1 3 6 -1` },
    divisor: { leaves: words`2 3 1 0 5 7` },
    failing: {
      leaves: lines`
        1 / 0 > 0
        1 % 0 == 0
        [][0] == 1
        [1][5] == 1
        {'a': 1}['b'] == 1
        {'a': 1}.b == 1
        int('x') == 0
        9223372036854775807 + 1 > 0
        0u - 1u == 0u
        'a' + 1 == 'a1'
        'x'.matches('(' + s)`,
    },
    field: { leaves: words`a a b missing` },
    pattern: { leaves: words`a+ ^a.*b$ [a-c]+ \\d+ (foo|bar) . é|x ^$ a{2} (?i)AB \\bb` },
    instant: { leaves: INSTANTS },
    "edge instant": {
      leaves: words`
        9999-12-31T23:59:59.999999999Z 0001-01-01T00:00:00Z 2009-02-13T23:31:30.123456789Z
        2023-13-01T00:00:00Z soon`,
    },
    span: { leaves: words`0s 1s 1.5s -1.5s 1h 90m 1h30m 100ms -26h 876000h` },
    "edge span": { leaves: words`1ns 999us -1.000000001s 2562047h 2562048h 1 1d x` },
    part: {
      leaves: words`
        getFullYear getMonth getDate getDayOfMonth getDayOfWeek getDayOfYear getHours getMinutes
        getSeconds getMilliseconds`,
    },
    zone: { leaves: ["", "", "'+00:00'", "'+05:30'", "'-08:00'", "'02:00'"] },
    "text of an int": {
      leaves: words`0 42 -7 9223372036854775807 9223372036854775808 -9223372036854775808 x 1.5 1a`,
    },
    "text of a uint": { leaves: words`0 42 18446744073709551615 18446744073709551616 x 1.5` },
    "text of a double": { leaves: words`0 1.5 -2e10 1e-7 123456789.125 -0.5 0.1` },
    "text of a bool": { leaves: words`true false True FALSE t f 1 0 tRuE yes` },
  };

  for (const type of LISTS) {
    const element = elementOf(type);
    rules[type] = {
      leaves: ["[]", `[<${element}>]`, `[<${element}>, <${element}>]`],
      deep: [
        ...[`[<${element}>, <${element}>]`, `[<${element}>, <${element}>, <${element}>]`],
        ...[`<${type}?> + <${type}?>`, `<${type}?> + <${type}?>`],
        ...[`<${type}>.filter($<${element}>, <bool?>)`, `<${type}>.filter($<${element}>, <bool?>)`],
        `<map(string, int)>.map($<string>, <${element}>)`,
        `<map(int, string)>.map($<int>, <bool?>, <${element}>)`,
        ...LISTS.flatMap((other) => [
          `<${other}>.map($<${elementOf(other)}>, <${element}?>)`,
          ...(type === other ? [`<${other}>.map($<${element}>, <bool?>, <${element}>)`] : []),
        ]),
      ],
    };
    rules[element]!.deep!.push(
      ...[`<${type}>[<index>]`, `<${type}>[<index>]`, `<${type}>[<index>]`, `<${type}>[<int>]`],
      ...[`<${type}>[dyn(1.0)]`, `<${type}>[0u]`],
    );
  }
  rules["list(string)"]!.deep!.push(
    ...extended(lines`
      3x <string?>.split(',')
      <string?>.split('')
      <string?>.split('ab')`),
  );
  for (const type of MAPS) {
    const [, key, value] = /^map\((\w+), (.*)\)$/.exec(type)!;
    const entries = (...keys: string[]) => `{${keys.map((k) => `${k}: <${value}>`).join(", ")}}`;
    const literal: Record<string, [string, string]> = {
      string: ["'a'", "'b'"],
      uint: ["1u", "0xFFu"],
    };
    const [a, b] = literal[key!] ?? [`<${key}>`, `<${key}>`];
    const ways = [entries(a), entries(a, b)];
    if (key === "string") ways.push(entries("<string>", b));
    rules[type] = { leaves: ["{}", ...ways], deep: ways };
  }
  for (const map of ["map(string, int)", "map(string, map(string, int))"]) {
    const value = map.slice("map(string, ".length, -1);
    const ways = [`<${map}>.<field>`, `<${map}>['a']`, `<${map}>[<string>]`];
    rules[value]!.deep!.push(...ways, ...ways);
  }
  for (const [type, { deep }] of Object.entries(rules)) {
    deep?.push(`<bool?> ? <${type}> : <${type}>`, `dyn(<${type}>)`);
  }
  return rules;
}

/** The variables that expressions may use. */
const VARIABLES: Record<string, string> = {
  i: "int",
  j: "int",
  u: "uint",
  d: "double",
  p: "bool",
  s: "string",
  t: "string",
  bin: "bytes",
  at: "timestamp",
  lasting: "duration",
  li: "list(int)",
  ls: "list(string)",
  ld: "list(dyn)",
  m: "map(string, int)",
  mi: "map(int, string)",
  mm: "map(string, map(string, int))",
  nil: "null_type",
};

// How tightly the outermost operator of an expression binds.
const TERNARY = 0;
const MEMBER = 7;
const OPERATORS = [/ \? /, / \|\| /, / && /, / (==|!=|<=?|>=?|in) /, / [+-] /, / [*/%] /, /^[!-]/];

interface Expression {
  text: string;
  level: number;
}

interface Slot {
  /** The text before it. */
  before: string;
  type: string;
  isNew: boolean;
  mayBeWrong: boolean;
  /** What binds less tightly has parentheses here. */
  level: number;
}

interface Template {
  slots: Slot[];
  after: string;
  level: number;
}

const SLOT = /(\$?)<([a-z][^<>?]*)(\??)>/;

function readTemplate(template: string): Template {
  // [text, $, type, ?, text, $, type, ?, …, text]
  const pieces = template.split(SLOT);
  let bare = pieces.filter((_, i) => i % 4 === 0).join("_");
  for (let was = ""; was !== bare; ) {
    was = bare;
    bare = bare.replace(/'[^']*'|\([^()]*\)|\[[^[\]]*\]|\{[^{}]*\}/, "_");
  }
  const found = OPERATORS.findIndex((operator) => operator.test(bare));
  const level = found < 0 ? MEMBER : found;
  const slots: Slot[] = [];
  let depth = 0;
  for (let i = 0; i + 4 < pieces.length; i += 4) {
    const [before, dollar, type, question, after] = pieces.slice(i, i + 5) as string[];
    for (const c of before!) depth += "([{".includes(c) ? 1 : ")]}".includes(c) ? -1 : 0;
    // Operators are left-associative but for the ternary one.
    const isFirst = level === TERNARY ? i + 5 === pieces.length : i === 0 && before === "";
    let needed = depth > 0 ? TERNARY : isFirst ? level : Math.min(level + 1, MEMBER);
    if (/^[.[]/.test(after!)) needed = MEMBER;
    const slot = { before: before!, type: type!, level: needed };
    slots.push({ ...slot, isNew: dollar === "$", mayBeWrong: question === "?" });
  }
  return { slots, after: pieces.at(-1)!, level };
}

const templates = new Map<string, Template>();

/** Makes expressions of a grammar. */
class Generator {
  private readonly choices: Choices;
  private readonly rules: Grammar;
  private scope = Object.entries(VARIABLES).map(([name, type]) => ({ name, type }));

  constructor(choices: Choices, rules: Grammar) {
    this.choices = choices;
    this.rules = rules;
  }

  any(depth: number): string {
    const { choices } = this;
    const kinds = [
      ...[words`bool string int`, ["bool"], SCALARS, SCALARS],
      ...[LISTS, LISTS, MAPS, words`dyn dyn type null_type`],
    ];
    return this.expression(choices.of(choices.of(kinds)), depth).text;
  }

  private expression(type: string, depth: number): Expression {
    const { choices } = this;
    const { leaves, deep } = this.rules[type]!;
    if (deep && depth > 0 && choices.below(5) > 0) return this.fill(choices.of(deep), depth - 1);
    const variables = this.scope.filter((each) => each.type === type);
    if (variables.length > 0 && choices.below(5) > 1) {
      // The innermost are the most likely ones.
      return { text: choices.of(variables.slice(-3)).name, level: MEMBER };
    }
    return this.fill(choices.of(leaves), 0);
  }

  private fill(source: string, depth: number): Expression {
    let template = templates.get(source);
    if (!template) {
      template = readTemplate(source);
      templates.set(source, template);
    }
    const outer = this.scope;
    let text = "";
    for (const { before, type, isNew, mayBeWrong, level } of template.slots) {
      text += before;
      if (isNew) {
        const name = this.choices.of(["x", "y", "i"]);
        this.scope = this.scope.filter((each) => each.name !== name);
        this.scope.push({ name, type });
        text += name;
      } else {
        const isWrong = mayBeWrong && this.choices.once(60);
        const operand = this.expression(isWrong ? "wrong" : type, depth);
        text += operand.level < level ? `(${operand.text})` : operand.text;
      }
    }
    this.scope = outer;
    return { text: text + template.after, level: template.level };
  }
}

// ---- values of the variables

const int = (value: string): Typed => ({ type: "int", value });
const string = (value: string): Typed => ({ type: "string", value });
const double = (value: number): Typed => ({
  type: "double",
  value: String(value),
  bits: suite.doubleBits(value),
});
const list = (value: Typed[]): Typed => ({ type: "list", value });
const map = (value: [Typed, Typed][]): Typed => ({ type: "map", value });

/** Values for all the variables. */
function valuesOf(choices: Choices, alphabet: Alphabet): Record<string, Typed> {
  const word = () => string(choices.of(ALPHABETS[alphabet]));
  const number = () => int(choices.of(["0", "1", "2", "-5", "17", MAX, MIN]));
  // Larger maps are kept in another way.
  const some = <T>(make: (i: number) => T) =>
    Array.from({ length: choices.once(6) ? 20 : choices.below(4) }, (_, i) => make(i));
  const name = (i: number) => string("abcdefghijklmnopqrst"[i]!);
  const counts = () => map(some((i) => [name(i), number()]));
  const anything = [int("1"), string("a"), double(1), double(2.5), { type: "null", value: null }];
  return {
    i: number(),
    j: number(),
    u: { type: "uint", value: choices.of(["0", "1", "7", UINT_MAX]) },
    d: double(choices.of([0, 1.5, -2, 1e300, Number.POSITIVE_INFINITY, Number.NaN, -0])),
    p: { type: "bool", value: choices.below(2) === 1 },
    s: word(),
    t: word(),
    bin: { type: "bytes", value: choices.of(["", "YWJj", "/wA=", "w6k="]) },
    at: { type: "timestamp", value: choices.of([...INSTANTS, "2001-09-09T01:46:40.123456789Z"]) },
    lasting: {
      type: "duration",
      value: choices.of(["0s", "1.5s", "-1.5s", "3600s", "0.000000001s"]),
    },
    li: list(some(number)),
    ls: list(some(word)),
    ld: list(some(() => choices.of(anything))),
    m: counts(),
    mi: map(some((i) => [int(String(i)), word()])),
    mm: map(some((i) => [name(i), counts()])),
    nil: { type: "null", value: null },
  };
}

// ---- the other implementation

const environment = celEnv({ funcs: strings });

function evaluateTheirs(source: string, bindings: Record<string, CelInput> = {}) {
  try {
    return plan(environment, parse(source))(bindings);
  } catch (error) {
    return error as Error;
  }
}

/** A value as the other implementation takes it. */
function toTheirs({ type, value, bits }: Typed): CelInput {
  switch (type) {
    case "int":
      return BigInt(value);
    case "uint":
      return celUint(BigInt(value));
    case "double":
      return suite.doubleOf(bits!);
    case "bytes":
      return Uint8Array.from(Buffer.from(value, "base64"));
    case "list":
      return (value as Typed[]).map(toTheirs);
    case "map":
      return new Map(
        (value as [Typed, Typed][]).map(([key, each]) => [toTheirs(key) as string, toTheirs(each)]),
      );
    case "timestamp":
    case "duration":
      return evaluateTheirs(`${type}('${value}')`) as CelInput;
    default:
      return value;
  }
}

/** A value of the other implementation with its type. */
function fromTheirs(value: CelValue): Typed {
  if (value === null) return { type: "null", value };
  if (typeof value === "bigint") return int(String(value));
  if (typeof value === "number") return double(value);
  if (typeof value === "boolean") return { type: "bool", value };
  if (typeof value === "string") return string(value);
  if (value instanceof Uint8Array)
    return { type: "bytes", value: Buffer.from(value).toString("base64") };
  if (isCelUint(value)) return { type: "uint", value: String(value.value) };
  if (isCelType(value)) return { type: "type", value: value.name };
  if (isCelList(value)) return list([...value].map(fromTheirs));
  if (isCelMap(value))
    return map([...value].map(([key, each]) => [fromTheirs(key), fromTheirs(each)]));
  const { seconds, nanos } = value.message as unknown as { seconds: bigint; nanos: number };
  const digits = String(Math.abs(nanos)).padStart(9, "0");
  if (value.desc.typeName === "google.protobuf.Duration") {
    const size = seconds < 0n ? -seconds : seconds;
    return { type: "duration", value: `${seconds < 0n || nanos < 0 ? "-" : ""}${size}.${digits}s` };
  }
  const date = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return { type: "timestamp", value: `${date}.${digits}Z` };
}

/** A value as text, or `error`. */
function theirs(source: string, bindings: Record<string, Typed>): string {
  const inputs = Object.entries(bindings).map(([name, value]) => [name, toTheirs(value)]);
  const result = evaluateTheirs(source, Object.fromEntries(inputs));
  return isCelError(result) || result instanceof Error ? "error" : canonical(fromTheirs(result));
}

function ours(source: string, flags: number, bindings: Record<string, Typed>): suite.Answer {
  const types = Object.keys(bindings).map((name) => [name, VARIABLES[name]!]);
  begin(probe, { flags, bindings, types: Object.fromEntries(types) });
  return suite.answer(probe, source);
}

const textOf = (answer: suite.Answer) => ("error" in answer ? "error" : canonical(answer.value));

describe("beside another implementation", () => {
  test.each(["bmp", "astral"] as const)(
    "values have the same types and contents, and errors are errors: texts of the alphabet %s",
    (alphabet) => {
      const rules = grammar(alphabet);
      let succeeded = 0;
      let checked = 0;
      const runs = 3000;
      fc.assert(
        fc.property(tape(160), tape(40), (forExpression, forValues) => {
          const source = new Generator(new Choices(forExpression), rules).any(5);
          const values = Object.entries(valuesOf(new Choices(forValues), alphabet));
          const used = values.filter(([name]) => new RegExp(`\\b${name}\\b`).test(source));
          const bindings = Object.fromEntries(used);
          const about = `${source}\nwith ${JSON.stringify(bindings)}`;
          const expected = theirs(source, bindings);
          if (expected !== "error") succeeded++;
          for (const flags of [0, NO_FOLDING]) {
            const got = ours(source, flags, bindings);
            expect(textOf(got), `${about}\n${JSON.stringify(got)}`).toBe(expected);
          }
          // What the checker lets through gives the same; much of this it does not.
          const got = ours(source, CHECK, bindings);
          if ("error" in got) return;
          checked++;
          expect(canonical(got.value), `checked: ${about}`).toBe(expected);
        }),
        seeded(runs),
      );
      expect(succeeded).toBeGreaterThan(runs / 2);
      expect(checked).toBeGreaterThan(runs / 4);
      probe.exports.collect();
    },
    60_000,
  );
});

/** The engine is as it was: a simple expression gives its value. */
function expectSane(about: string): void {
  begin(probe, { flags: 0 });
  expect(suite.answer(probe, "1 + 1"), about).toEqual({ value: int("2") });
}

/** Compiles and, where that is possible, evaluates: it may fail, but not trap nor cost too much, nor
 * leave the engine in disorder. Says what became of it: `value`, or the error. */
function endure(
  source: string | Uint8Array,
  flags: number,
  bindings: Record<string, Typed> = {},
): string {
  begin(probe, { flags, bindings });
  let outcome = suite.compile(probe, source);
  let cost = 0;
  if (outcome === "") {
    const got = suite.evaluate(probe);
    cost = Number(probe.exports.cost());
    outcome = "error" in got ? got.error : "value";
  } else {
    expect(outcome).toMatch(/^\d+: ./);
  }
  expectSane(`after ${Buffer.from(source).toString("latin1")}`);
  expect(outcome).not.toBe("");
  expect(cost).toBeLessThanOrEqual(outcome === "value" ? BUDGET : MOST);
  return outcome;
}

const FLAGS = [0, CHECK, NO_FOLDING, CHECK | NO_FOLDING];

describe("no source does harm", () => {
  const anyFlags = fc.integer({ min: 0, max: 7 });
  const bindings = {
    m: map([[string("a"), int("1")]]),
    s: string("text"),
    li: list([int("1"), int("2")]),
  };

  /** How many of them compiled. */
  function endureAll(sources: fc.Arbitrary<Uint8Array>, runs: number): number {
    let compiled = 0;
    fc.assert(
      fc.property(sources, anyFlags, (source, flags) => {
        if (!/^\d+: /.test(endure(source, flags, bindings))) compiled++;
      }),
      seeded(runs),
    );
    probe.exports.collect();
    return compiled;
  }

  test("arbitrary bytes", () => {
    endureAll(fc.uint8Array({ maxLength: 40 }), 2000);
  });

  test("pieces again and again, up to 64 KiB and beyond", () => {
    const pieces = fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 12 }),
      fc
        .array(fc.constantFrom(..."()[]{}.,?:!-+'1x", "&&", "size(", "[[1],", "x.map(x,", "{1:"), {
          minLength: 1,
          maxLength: 6,
        })
        .map((tokens) => new TextEncoder().encode(tokens.join(""))),
    );
    const sources = fc
      .tuple(pieces, fc.integer({ min: 1000, max: 70_000 }))
      .map(([piece, size]) =>
        Uint8Array.from({ length: size }, (_, i) => piece[i % piece.length]!),
      );
    endureAll(sources, 40);
  });

  test("the tokens of the language in any order", () => {
    const tokens = [
      ..."()[]{}.,?:!-+*/%<>'\"`\\xmsbrRuU019eE_\n",
      ...["&&", "||", "==", "!=", "<=", ">=", "in", " in ", "true", "null", "[?", ".?", "{?"],
      ...[
        "1",
        "1u",
        "1.5",
        "0x",
        "1e",
        "'a'",
        "b'a'",
        "r'",
        "'''",
        '"""',
        "\\u",
        "\\x4",
        "//",
        "é",
      ],
      ...[
        "has(",
        "has(m.a)",
        "m.",
        "li.all(",
        "li.map(x,",
        "cel.bind(",
        "x)",
        "dyn(",
        "size(",
        "s.",
      ],
      ...["type(", "timestamp('", "duration('1s')", "optional.of(", "cel.block([", "cel.index(0)"],
      ...[
        "a{b:",
        "google.protobuf.Timestamp",
        "li.exists(x, y,",
        ".matches('(')",
        ".format([",
        "as",
      ],
    ];
    const sources = fc
      .array(fc.constantFrom(...tokens), { maxLength: 16, size: "max" })
      .map((parts) => new TextEncoder().encode(parts.join("")));
    expect(endureAll(sources, 3000)).toBeGreaterThan(20);
  });

  test("expressions with bytes changed, left out, doubled, and parts of others put in", () => {
    const rules = grammar("astral");
    const expressions = tape(120).map((bytes) =>
      new TextEncoder().encode(new Generator(new Choices(bytes), rules).any(4)),
    );
    const change = fc.tuple(fc.nat(4), fc.nat(), fc.nat(), fc.nat(255));
    const sources = fc
      .tuple(expressions, expressions, fc.array(change, { minLength: 1, maxLength: 4 }))
      .map(([source, other, changes]) => {
        let bytes = [...source];
        for (const [kind, from, size, byte] of changes) {
          const start = from % (bytes.length + 1);
          const part = bytes.slice(start, start + (size % 12) + 1);
          if (kind === 0) bytes[start] = byte;
          else if (kind === 1) bytes[start] = (bytes[start] ?? 0) ^ (1 << (byte % 8));
          else if (kind === 2) bytes.splice(start, part.length);
          else if (kind === 3) bytes.splice(start, 0, ...part, ...part);
          else bytes = [...bytes.slice(0, start), ...other.slice(from % (other.length + 1))];
        }
        return Uint8Array.from(bytes);
      });
    expect(endureAll(sources, 3000)).toBeGreaterThan(100);
  });
});

describe("depth and length end in a value or an error", () => {
  /** The middle, with so much of the one before it and of the other after it. */
  const nested = (before: string, middle: string, after: string) => (n: number) =>
    before.repeat(n) + middle + after.repeat(n);

  const DEEP: Record<string, (n: number) => string> = {
    parentheses: nested("(", "1", ")"),
    "parentheses that nothing closes": nested("(", "", ""),
    lists: nested("[", "", "]"),
    "lists that nothing closes": nested("[", "", ""),
    maps: nested("{0:", "1", "}"),
    "maps as keys": nested("{", "1", ":0}"),
    "maps that nothing closes": nested("{0:", "", ""),
    messages: nested("A{a:", "1", "}"),
    not: nested("!", "true", ""),
    minus: nested("-", "1", ""),
    "minus with spaces": nested("- ", "1", ""),
    "not and minus": nested("!-", "1", ""),
    select: nested("", "m", ".a"),
    "select of a literal": nested("", "{}", ".a"),
    "optional select": nested("", "m", ".?a"),
    "optional index": nested("", "m", "[?'a']"),
    index: nested("", "li", "[0]"),
    "index in an index": nested("li[", "0", "]"),
    "ternary at the end": nested("p?1:", "1", ""),
    "ternary in the middle": nested("p?", "1", ":1"),
    "ternary as the condition": nested("", "p", "?p:p"),
    "calls in calls": nested("size(", "''", ")"),
    dyn: nested("dyn(", "1", ")"),
    "calls of calls": nested("", "''", ".trim()"),
    "calls in arguments": nested("''.contains(", "''", ")"),
    has: nested("has(", "m.a", ")"),
    map: nested("li.map(x,", "x", ")"),
    all: nested("[1].all(x,", "true", ")"),
    "ranges of macros": nested("", "li", ".filter(x,true)"),
    bind: nested("cel.bind(x,1,", "x", ")"),
    "bind in bind": nested("cel.bind(x,", "1", ",x)"),
    optionals: nested("optional.of(", "1", ")"),
    "or in parentheses": nested("p||(", "p", ")"),
    "sums to the right": nested("1+(", "1", ")"),
    "products to the right": nested("2*(", "1", ")"),
    "relations to the right": nested("1==(", "1", ")"),
    "in to the right": nested("1 in [", "1", "]"),
    types: nested("type(", "1", ")"),
  };

  test.each(Object.entries(DEEP))("deep: %s", (_, make) => {
    const bindings = { p: { type: "bool", value: true }, li: list([int("0")]), m: map([]) };
    for (const n of [30, 300, 10_000]) {
      for (const flags of FLAGS) endure(make(n), flags, bindings);
    }
    probe.exports.collect();
  });

  const repeat = (part: string, last: string) => part.repeat(9_999) + last;
  const numbers = Array.from({ length: 10_000 }, (_, i) => String(i));
  const LONG: Record<string, string> = {
    sum: repeat("1+", "1"),
    difference: repeat("1-", "1"),
    "sum of doubles": repeat("1.5+", "1.5"),
    product: repeat("1*", "1"),
    and: repeat("true&&", "true"),
    or: repeat("p||", "p"),
    "and with failures": repeat("1/0>0&&", "true"),
    relations: repeat("true==", "true"),
    in: repeat("true in ", "[]"),
    texts: repeat("'ab'+", "'ab'"),
    lists: repeat("[1]+", "[1]"),
    "a list": `[${numbers.join(",")}]`,
    "a list of variables": `[${repeat("p,", "p")}]`,
    "a list of optionals": `[${repeat("?optional.none(),", "1")}]`,
    "a map": `{${numbers.map((n) => `${n}:${n}`).join(",")}}`,
    "a map with equal keys": `{${repeat("1:1,", "1:1")}}`,
    "a map of texts": `{${numbers.map((n) => `'${n}':p`).join(",")}}`,
    "a message": `A{${numbers.map((n) => `a${n}:1`).join(",")}}`,
    arguments: `size(${numbers.join(",")})`,
    "arguments of a macro": `[1].all(${numbers.join(",")})`,
    "a text": `'${"x".repeat(100_000)}'`,
    "a text of escapes": `'${"\\n".repeat(50_000)}'`,
    "a text that does not end": `'${"x".repeat(100_000)}`,
    "a name": "x".repeat(100_000),
    "a qualified name": repeat("abc.", "abc"),
    "a number": "1".repeat(100_000),
    "a double": `${"1".repeat(50_000)}.${"1".repeat(50_000)}`,
    spaces: `${" ".repeat(100_000)}1`,
    comments: `${"// c\n".repeat(20_000)}1`,
    "a pattern": `'x'.matches('${"(a|b)*".repeat(10_000)}')`,
    "many patterns": repeat("'x'.matches('a')||", "true"),
    "different patterns": numbers.map((n) => `'x'.matches('a${n}')`).join("||"),
    "different variables": numbers.map((n) => `v${n}`).join("+"),
  };

  test.each(Object.entries(LONG))("long: %s", (_, source) => {
    for (const flags of FLAGS) endure(source, flags, { p: { type: "bool", value: true } });
    probe.exports.collect();
  });

  test("what is long but harmless has its value all the same", () => {
    const values: [source: string, value: Typed][] = [
      [`${"1+".repeat(199)}1`, int("200")],
      [`size([${numbers.slice(0, 500).join(",")}])`, int("500")],
      [`${"false||".repeat(199)}true`, { type: "bool", value: true }],
      [`size('${"x".repeat(2_000)}')`, int("2000")],
      [`${"(".repeat(24)}1${")".repeat(24)}`, int("1")],
    ];
    for (const flags of FLAGS) {
      for (const [source, value] of values) {
        begin(probe, { flags });
        expect(suite.answer(probe, source), source).toEqual({ value });
      }
    }
  });
});

describe("what would take for ever fails by its cost", () => {
  const hundred = `[${Array.from({ length: 100 }, (_, i) => i).join(",")}]`;
  const names = [..."abcdefgh"];
  const loops = (macro: string, range: string, body: string) =>
    names.reduceRight((inside, name) => `${range}.${macro}(${name}, ${inside})`, body);
  const LOOPS: Record<string, string> = {
    "map in map": loops("map", hundred, "a + h"),
    "map in map over a variable": loops("map", "li", "a + h"),
    "all in all": loops("all", hundred, "a >= 0 && h >= 0"),
    "all in all over a variable": loops("all", "li", "a + h >= 0"),
    "exists in exists": loops("exists", "li", "a + h < 0"),
    "exists_one in exists_one": loops("exists_one", "li", "a == h"),
    "filter in filter": names.reduceRight((body, x) => `li.filter(${x}, ${body}) != []`, "a < 0"),
    "failures in all": loops("all", "li", "1 / 0 > a"),
  };

  /** The last of so many variables, each made twice as large from the one before. */
  const doubled = (first: string, twice: string, result: string) => (times: number) => {
    let source = result.replaceAll("$", `v${times}`);
    for (let i = times; i > 0; i--)
      source = `cel.bind(v${i}, ${twice.replaceAll("$", `v${i - 1}`)}, ${source})`;
    return `cel.bind(v0, ${first}, ${source})`;
  };
  const lists = (result: string) => doubled("li", "[$, $]", result);
  const DOUBLED: Record<string, (times: number) => string> = {
    "a text doubled": doubled("'abc'", "$ + $", "size($) > 0"),
    "a text of a variable doubled": doubled("s", "$ + $", "size($) > 0"),
    "bytes doubled": doubled("b'abc'", "$ + $", "size($) > 0"),
    "a list doubled": doubled("[1]", "$ + $", "size($) > 0"),
    "a text joined": doubled("s", "[$, $].join()", "size($) > 0"),
    "a text replaced": doubled("s", "$.replace('a', 'aa')", "size($) > 0"),
    "a text formatted": doubled("s", "'%s%s'.format([$, $])", "size($) > 0"),
    "a text in JSON": doubled("s", "json.encode([$, $])", "size($) > 0"),
    // What is shared counts as often as it is looked at.
    "lists of lists compared": lists("$ == $"),
    "lists of lists in others": lists("[$] == [$]"),
    "lists of lists looked for": lists("$ in [$]"),
    "lists of lists formatted": lists("'%s'.format([$]) != ''"),
    "lists of lists written": lists("json.encode($) != ''"),
    "lists of lists flattened": lists("$.flatten(100) != []"),
    "lists of lists told apart": lists("[$, $].distinct() != []"),
    "lists of lists as sets": lists("sets.contains([$], [$])"),
    "maps of maps": doubled("li", "{1: $, 2: $}", "$ == $"),
    "constant lists of lists": doubled("[1]", "[$, $]", "$ == $"),
    optionals: doubled("li", "[optional.of($), optional.of($)]", "$ == $"),
  };

  const bindings = { li: list(hundred.match(/\d+/g)!.map(int)), s: string("abc") };
  const isRefusal = /budget|memory|exceed|large|long|deep|limit/i;

  /** What becomes of the source with any flags; none takes longer than two seconds. */
  function outcomes(source: string): string[] {
    return FLAGS.map((flags) => {
      const start = performance.now();
      const outcome = endure(source, flags, bindings);
      expect(performance.now() - start, `milliseconds for ${source}`).toBeLessThan(2000);
      return outcome;
    });
  }

  test.each(Object.entries(LOOPS))("%s", (_, source) => {
    for (const outcome of outcomes(source)) expect(outcome).toMatch(isRefusal);
    probe.exports.collect();
  });

  test.each(Object.entries(DOUBLED))("%s", (_, make) => {
    // Where that is not paid for, 28 times take long enough to notice, and 60 would never end.
    for (const times of [20, 28]) outcomes(make(times));
    for (const outcome of outcomes(make(60))) expect(outcome).toMatch(isRefusal);
    probe.exports.collect();
  });
});

describe("what works on long texts and lists is paid for by their length", () => {
  const long = 100_000;
  const numbers = list(Array.from({ length: 200 }, (_, i) => int(String(i))));
  const entries = map(Array.from({ length: 200 }, (_, i) => [string(`k${i}`), int(String(i))]));
  const bindings = {
    ...{ text: string("x".repeat(long)), same: string("x".repeat(long)) },
    ...{ digits: string("1".repeat(long)), json: string(`[1${",1".repeat(long / 2)}]`) },
    ...{ numbers, sameNumbers: numbers, entries, sameEntries: entries },
    ...{ outer: list(numbers.value.slice(0, 50)), inner: list(numbers.value.slice(0, 100)) },
  };
  const texts = lines`
    size(text)
    text == same
    text != same
    text < same
    text in ['a', same]
    {text: 1}[same]
    same in {text: 1}
    [text] == [same]
    {'a': text} == {'a': same}
    bytes(text) == bytes(same)
    string(bytes(text))
    text + same
    double(digits)
    text.contains('y')
    text.startsWith(same)
    text.endsWith(same)
    text.indexOf('y')
    text.lastIndexOf('y')
    text.charAt(99999)
    text.substring(1, 99999)
    text.matches('y$')
    text.matches('(x*)*y')
    text.split('y')
    text.split('x')
    text.replace('y', 'z')
    text.replace('x', 'z')
    text.lowerAscii()
    text.upperAscii()
    text.trim()
    text.reverse()
    [text, same].join()
    numbers.map(n, 'a').join(text)
    strings.quote(text)
    '%s'.format([text])
    '%x'.format([bytes(text)])
    base64.encode(bytes(text))
    base64.decode(text)
    regex.replace(text, 'x', 'z')
    regex.extractAll(text, 'x')
    regex.extract(text, 'y')
    json.parse(json)
    json.encode(text)
    url.encode(text)
    hash.sha256(text)
    hmac.sha256('key', text)
    glob(text, '*x*x*y')
    split(text, {'a': 1})`;
  const lists = lines`
    numbers == sameNumbers
    numbers in [sameNumbers]
    numbers + numbers
    -1 in numbers
    numbers.map(n, n)
    numbers.filter(n, true)
    numbers.distinct()
    numbers.sort()
    numbers.sortBy(n, -n)
    numbers.flatten()
    numbers.reverse()
    numbers.slice(1, 199)
    sets.contains(numbers, sameNumbers)
    sets.intersects(numbers, [-1])
    math.greatest(numbers)
    lists.range(200)
    json.encode(numbers)
    '%s'.format([numbers])
    entries == sameEntries
    entries.all(key, true)
    json.encode(entries)
    '%s'.format([entries])`;

  test.each([...texts, ...lists])("%s", (operation) => {
    const repeated = `outer.all(a, inner.all(b, dyn(${operation}) || true))`;
    const wanted = Object.entries(bindings).filter(([name]) => repeated.includes(name));
    const outcome = endure(repeated, NO_FOLDING, Object.fromEntries(wanted));
    expect(outcome).toMatch(/budget/);
    probe.exports.collect();
  });
});
