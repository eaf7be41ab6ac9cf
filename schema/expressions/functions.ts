// What docs/reference/expressions.md says of functions, operators and macros: a line, an example and its
// value, an expression too. Names and overloads are the filter's own (filter/cel/functions.ts); a
// test runs the examples in its engine and finds what is missing here.

/** What it does, an example, the example's value. */
export type Entry = readonly [what: string, example: string, value: string];

export interface Group {
  title: string;
  /** By the name in the filter's table. */
  entries: Record<string, Entry>;
}

export const OPERATORS: Record<string, Entry> = {
  "_+_": ["Sum; joins text, bytes and lists; moves a time.", "'a' + 'b'", "'ab'"],
  "_-_": [
    "Difference; what lies between two times.",
    "duration('1h') - duration('1m')",
    "duration('59m')",
  ],
  "_*_": ["Product.", "3 * 4", "12"],
  "_/_": ["Quotient; of integers without the rest.", "7 / 2", "3"],
  "_%_": ["The rest, with the sign of the first.", "-7 % 3", "-1"],
  "-_": ["The opposite number.", "-(2)", "0 - 2"],
  "!_": ["Not.", "!true", "false"],
  "_==_": [
    "Equal; of two types through `dyn`, and numbers then by value.",
    "dyn(1) == 1.0",
    "true",
  ],
  "_!=_": ["Not equal.", "'a' != 'b'", "true"],
  "_<_": ["Less; text by code points.", "1 < 2u", "true"],
  "_<=_": ["Less or equal.", "'a' <= 'b'", "true"],
  "_>_": ["Greater.", "2.5 > 2", "true"],
  "_>=_": ["Greater or equal.", "b'b' >= b'a'", "true"],
  "@in": ["Whether a list has the element, or a map the key.", "'a' in ['a', 'b']", "true"],
};

export const GROUPS: Group[] = [
  {
    title: "Text",
    entries: {
      startsWith: ["Whether it begins so.", "'/v1/a'.startsWith('/v1/')", "true"],
      endsWith: ["Whether it ends so.", "'a.png'.endsWith('.png')", "true"],
      contains: ["Whether it has this in it.", "'gold member'.contains('gold')", "true"],
      matches: [
        "Whether the pattern (RE2) matches anywhere.",
        "'id-42'.matches('^id-[0-9]+$')",
        "true",
      ],
      charAt: ["The character there, from 0.", "'añb'.charAt(1)", "'ñ'"],
      lowerAscii: ["Letters A to Z in lower case.", "'ÀB'.lowerAscii()", "'Àb'"],
      upperAscii: ["Letters a to z in upper case.", "'ab'.upperAscii()", "'AB'"],
      replace: [
        "Every occurrence, or the first so many.",
        "'a-b-c'.replace('-', '+', 1)",
        "'a+b-c'",
      ],
      split: [
        "The parts between separators, at most so many; with a map of weights see Choosing.",
        "'a,b,c'.split(',')",
        "['a', 'b', 'c']",
      ],
      substring: [
        "From one place to before another, or to the end.",
        "'hello'.substring(1, 3)",
        "'el'",
      ],
      trim: ["Without white space at both ends.", "'  a b '.trim()", "'a b'"],
      indexOf: [
        "Where this first occurs, from a place on; -1 when it does not.",
        "'banana'.indexOf('an')",
        "1",
      ],
      lastIndexOf: [
        "Where it last occurs; -1 when it does not.",
        "'banana'.lastIndexOf('an')",
        "3",
      ],
      reverse: ["Backwards; lists too.", "'abc'.reverse()", "'cba'"],
      size: [
        "Characters of text, bytes, elements of a list, entries of a map.",
        "size('añb')",
        "3",
      ],
      format: [
        "Text with `%s %d %f %e %x %X %o %b`.",
        "'%s: %d of %.1f'.format(['a', 1, 2.0])",
        "'a: 1 of 2.0'",
      ],
      join: ["The texts of a list, with a separator between.", "['a', 'b'].join(', ')", "'a, b'"],
      "strings.quote": ["As a literal in double quotes.", "strings.quote('a\"b')", '\'"a\\\\"b"\''],
    },
  },
  {
    title: "Patterns",
    entries: {
      "regex.replace": [
        "Every match, or the first so many; `\\1` is a group.",
        "regex.replace('user-42', '([a-z]+)-([0-9]+)', r'\\2.\\1')",
        "'42.user'",
      ],
      "regex.extract": [
        "The first match, or its one group, if there is one.",
        "regex.extract('v=7;w=8', 'w=([0-9]+)')",
        "optional.of('8')",
      ],
      "regex.extractAll": [
        "All matches, or their one group.",
        "regex.extractAll('a1b22', '[0-9]+')",
        "['1', '22']",
      ],
      glob: [
        "Shell wildcards: `*` within a segment, `**` across, `?`, `[a-z]`.",
        "glob('/a/b/c.js', '/a/**.js')",
        "true",
      ],
    },
  },
  {
    title: "Types and conversions",
    entries: {
      bool: ["From text: true, t, 1, false, f, 0 and the like.", "bool('true')", "true"],
      int: [
        "From numbers (cut), decimal text, times (seconds since 1970).",
        "int('42') + int(7.9)",
        "49",
      ],
      uint: ["The same without sign.", "uint('42')", "42u"],
      double: ["From numbers and text.", "double('1e3')", "1000.0"],
      string: [
        "From everything but lists, maps and types.",
        "string(1.5) + string(true)",
        "'1.5true'",
      ],
      bytes: ["The UTF-8 of text.", "bytes('é')", "b'\\303\\251'"],
      type: ["The type of a value.", "type(1) == int", "true"],
      dyn: ["The value, its type left open until it is evaluated.", "dyn(1) == 'a'", "false"],
    },
  },
  {
    title: "Times",
    entries: {
      timestamp: [
        "From RFC 3339 text or seconds since 1970.",
        "timestamp('2024-02-29T12:00:00Z') + duration('24h')",
        "timestamp('2024-03-01T12:00:00Z')",
      ],
      duration: [
        "From text such as `1h30m`, `-1.5s`, `100ms`.",
        "duration('90s')",
        "duration('1m30s')",
      ],
      getFullYear: [
        "The year, in UTC or a zone.",
        "timestamp('2024-12-31T23:30:00Z').getFullYear('+01:00')",
        "2025",
      ],
      getMonth: ["The month from 0.", "timestamp('2024-02-29T12:00:00Z').getMonth()", "1"],
      getDate: [
        "The day of the month from 1.",
        "timestamp('2024-02-29T12:00:00Z').getDate()",
        "29",
      ],
      getDayOfMonth: [
        "The day of the month from 0.",
        "timestamp('2024-02-29T12:00:00Z').getDayOfMonth()",
        "28",
      ],
      getDayOfWeek: [
        "The day of the week, 0 for Sunday.",
        "timestamp('2024-02-29T12:00:00Z').getDayOfWeek()",
        "4",
      ],
      getDayOfYear: [
        "The day of the year from 0.",
        "timestamp('2024-02-29T12:00:00Z').getDayOfYear()",
        "59",
      ],
      getHours: [
        "The hour; of a duration all hours.",
        "timestamp('2024-07-01T12:00:00Z').getHours('Europe/Berlin')",
        "14",
      ],
      getMinutes: ["The minute; of a duration all minutes.", "duration('2h').getMinutes()", "120"],
      getSeconds: ["The second; of a duration all seconds.", "duration('2m').getSeconds()", "120"],
      getMilliseconds: [
        "The milliseconds of the second.",
        "timestamp('2024-01-01T00:00:00.250Z').getMilliseconds()",
        "250",
      ],
      "http.date": [
        "As HTTP writes it.",
        "http.date(timestamp('2024-02-29T12:00:00Z'))",
        "'Thu, 29 Feb 2024 12:00:00 GMT'",
      ],
      "http.parseDate": [
        "And back.",
        "http.parseDate('Thu, 29 Feb 2024 12:00:00 GMT')",
        "timestamp('2024-02-29T12:00:00Z')",
      ],
    },
  },
  {
    title: "Lists and sets",
    entries: {
      distinct: ["Each element once, in order.", "[1, 2, 1].distinct()", "[1, 2]"],
      flatten: [
        "Lists in the list opened, one level or so many.",
        "[1, [2, [3]]].flatten()",
        "[1, 2, [3]]",
      ],
      slice: ["From one place to before another.", "[1, 2, 3, 4].slice(1, 3)", "[2, 3]"],
      sort: ["In order; elements of one type.", "[3, 1, 2].sort()", "[1, 2, 3]"],
      first: ["The first, if there is one.", "[1, 2].first()", "optional.of(1)"],
      last: ["The last, if there is one.", "[1, 2].last().orValue(0)", "2"],
      "lists.range": ["0 to before the number.", "lists.range(3)", "[0, 1, 2]"],
      "sets.contains": [
        "Whether the first has all of the second.",
        "sets.contains([1, 2, 3], [3, 1])",
        "true",
      ],
      "sets.equivalent": [
        "Whether they have the same elements.",
        "sets.equivalent([1, 2], [2, 1, 1])",
        "true",
      ],
      "sets.intersects": ["Whether they share one.", "sets.intersects([1, 2], [2, 3])", "true"],
    },
  },
  {
    title: "Numbers",
    entries: {
      "math.greatest": [
        "The greatest of numbers or of a list of them.",
        "math.greatest(1, 3, 2)",
        "3",
      ],
      "math.least": ["The least.", "math.least([4, 2.5])", "2.5"],
      "math.ceil": ["The integer above.", "math.ceil(1.2)", "2.0"],
      "math.floor": ["The integer below.", "math.floor(-1.2)", "-2.0"],
      "math.round": ["The nearest integer, halves away from zero.", "math.round(2.5)", "3.0"],
      "math.trunc": ["The integer towards zero.", "math.trunc(-1.7)", "-1.0"],
      "math.abs": ["Without the sign.", "math.abs(-3)", "3"],
      "math.sign": ["-1, 0 or 1.", "math.sign(-3)", "-1"],
      "math.sqrt": ["The square root.", "math.sqrt(9)", "3.0"],
      "math.isNaN": ["Whether it is no number.", "math.isNaN(0.0 / 0.0)", "true"],
      "math.isInf": ["Whether it is infinite.", "math.isInf(1.0 / 0.0)", "true"],
      "math.isFinite": ["Whether it is neither.", "math.isFinite(1.5)", "true"],
      "math.bitAnd": ["Bits that both have.", "math.bitAnd(6, 3)", "2"],
      "math.bitOr": ["Bits that one has.", "math.bitOr(6, 3)", "7"],
      "math.bitXor": ["Bits that one alone has.", "math.bitXor(6, 3)", "5"],
      "math.bitNot": ["All bits turned.", "math.bitNot(0)", "-1"],
      "math.bitShiftLeft": ["Bits moved up.", "math.bitShiftLeft(1, 4)", "16"],
      "math.bitShiftRight": [
        "Bits moved down, zeros after them.",
        "math.bitShiftRight(16, 2)",
        "4",
      ],
    },
  },
  {
    title: "Optionals",
    entries: {
      "optional.of": ["One that has the value.", "optional.of(1).value()", "1"],
      "optional.ofNonZeroValue": [
        "One that has the value unless it is empty, 0, false or null.",
        "optional.ofNonZeroValue('').hasValue()",
        "false",
      ],
      "optional.none": ["One that has none.", "optional.none().hasValue()", "false"],
      hasValue: ["Whether it has one.", "optional.of(0).hasValue()", "true"],
      value: ["The value; fails when it has none.", "optional.of('a').value()", "'a'"],
      or: [
        "It, or the other when it has no value.",
        "optional.none().or(optional.of(2)).value()",
        "2",
      ],
      orValue: ["Its value, or the other.", "{'a': 1}[?'b'].orValue(0)", "0"],
      "optional.unwrap": [
        "The values of a list of optionals.",
        "optional.unwrap([optional.of(1), optional.none()])",
        "[1]",
      ],
      unwrapOpt: ["The same as a member.", "[optional.none(), optional.of(2)].unwrapOpt()", "[2]"],
    },
  },
  {
    title: "Addresses",
    entries: {
      ip: ["An IPv4 or IPv6 address; of a CIDR, its own.", "ip('192.0.2.1').family()", "4"],
      isIP: ["Whether the text is one.", "isIP('192.0.2.256')", "false"],
      "ip.isCanonical": [
        "Whether the text is as it is written best.",
        "ip.isCanonical('2001:DB8::1')",
        "false",
      ],
      family: ["4 or 6.", "ip('::1').family()", "6"],
      isUnspecified: ["0.0.0.0 or ::.", "ip('::').isUnspecified()", "true"],
      isLoopback: ["127.0.0.0/8 or ::1.", "ip('127.0.0.1').isLoopback()", "true"],
      isGlobalUnicast: [
        "One host's, not only on its link.",
        "ip('192.0.2.1').isGlobalUnicast()",
        "true",
      ],
      isLinkLocalMulticast: [
        "224.0.0.0/24 or ff02::/16.",
        "ip('224.0.0.1').isLinkLocalMulticast()",
        "true",
      ],
      isLinkLocalUnicast: [
        "169.254.0.0/16 or fe80::/10.",
        "ip('fe80::1').isLinkLocalUnicast()",
        "true",
      ],
      cidr: ["A block of addresses.", "cidr('10.0.0.0/8').prefixLength()", "8"],
      isCIDR: ["Whether the text is one.", "isCIDR('10.0.0.0/33')", "false"],
      containsIP: [
        "Whether the address is in it.",
        "cidr('10.0.0.0/8').containsIP('10.1.2.3')",
        "true",
      ],
      containsCIDR: [
        "Whether the block is in it.",
        "cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')",
        "true",
      ],
      masked: [
        "With zeros after the prefix.",
        "string(cidr('10.1.2.3/8').masked())",
        "'10.0.0.0/8'",
      ],
      prefixLength: ["The bits of its prefix.", "cidr('2001:db8::/32').prefixLength()", "32"],
      isMask: [
        "Whether there are only zeros after the prefix.",
        "cidr('10.0.0.0/8').isMask()",
        "true",
      ],
    },
  },
  {
    title: "Codecs and JSON",
    entries: {
      "base64.encode": ["Base64 (RFC 4648), padded.", "base64.encode(b'hi?>')", "'aGk/Pg=='"],
      "base64.decode": ["And back, padded or not.", "base64.decode('aGk/Pg')", "b'hi?>'"],
      "base64url.encode": [
        "The alphabet of URLs, without padding.",
        "base64url.encode('hi?>')",
        "'aGk_Pg'",
      ],
      "base64url.decode": ["And back.", "base64url.decode('aGk_Pg')", "b'hi?>'"],
      "hex.encode": ["Two digits a byte, lower case.", "hex.encode('hi')", "'6869'"],
      "hex.decode": ["And back.", "hex.decode('6869')", "b'hi'"],
      "url.encode": [
        "Percent-encoded, but for letters, digits, `-._~`.",
        "url.encode('a b/c')",
        "'a%20b%2Fc'",
      ],
      "url.decode": ["And back.", "url.decode('a%20b')", "'a b'"],
      "json.parse": [
        "The value of JSON text; members that it does not have are absent.",
        "json.parse('{\"a\": [1]}').a[0]",
        "1",
      ],
      "json.encode": [
        "A value as JSON text.",
        "json.encode({'a': [1, null]})",
        "'{\"a\":[1,null]}'",
      ],
    },
  },
  {
    title: "Digests",
    entries: {
      "hash.md5": [
        "16 bytes, as all of these: `hex.encode` makes text of them.",
        "hex.encode(hash.md5('abc'))",
        "'900150983cd24fb0d6963f7d28e17f72'",
      ],
      "hash.sha1": [
        "20 bytes.",
        "hex.encode(hash.sha1('abc'))",
        "'a9993e364706816aba3e25717850c26c9cd0d89d'",
      ],
      "hash.sha256": [
        "32 bytes.",
        "base64.encode(hash.sha256('abc'))",
        "'ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='",
      ],
      "hash.sha384": ["48 bytes.", "size(hash.sha384('abc'))", "48"],
      "hash.sha512": ["64 bytes.", "size(hash.sha512('abc'))", "64"],
      "hash.crc32": ["The CRC of gzip and PNG, a number.", "hash.crc32('abc')", "891568578"],
      "hmac.md5": [
        "HMAC (RFC 2104) of the second under the key that comes first.",
        "hex.encode(hmac.md5('key', 'abc'))",
        "'d2fe98063f876b03193afb49b4979591'",
      ],
      "hmac.sha1": [
        "The same with SHA-1.",
        "hex.encode(hmac.sha1('key', 'abc'))",
        "'4fd0b215276ef12f2b3e4c8ecac2811498b656fc'",
      ],
      "hmac.sha256": [
        "With SHA-256.",
        "hex.encode(hmac.sha256('key', 'abc'))",
        "'9c196e32dc0175f86f4b1cb89289d6619de6bee699e4c378e68309ed97a1a6ab'",
      ],
      "hmac.sha384": ["With SHA-384.", "size(hmac.sha384('key', 'abc'))", "48"],
      "hmac.sha512": ["With SHA-512.", "size(hmac.sha512('key', 'abc'))", "64"],
    },
  },
  {
    title: "Choosing",
    entries: {
      default: [
        "The first unless it is null, absent or an optional without a value: then the second, which is not evaluated before.",
        "default(json.parse('{}').a, 'none')",
        "'none'",
      ],
      "split:2": [
        "One of the names, by weight; always the same for one key.",
        "split('user-7', {'a': 90, 'b': 10}) in ['a', 'b']",
        "true",
      ],
      uuid: ["A random UUID, version 4.", "uuid().size()", "36"],
      random: ["A random number from 0 to below 1.", "random() < 1.0", "true"],
    },
  },
];

/** Macros are known by name and number of arguments; `x` is a name of the author's. */
export const MACROS: Record<string, Entry & { form?: string }> = {
  has: ["Whether the member is there.", "has({'a': 1}.b)", "false"],
  all: ["Whether it holds for all elements, or keys.", "[1, 2].all(x, x > 0)", "true"],
  exists: ["Whether for one at least.", "{'a': 1}.exists(k, v, v == 1)", "true"],
  exists_one: ["Whether for exactly one.", "[1, 2, 2].exists_one(x, x == 2)", "false"],
  existsOne: ["The same.", "['a', 'b'].existsOne(i, x, i == 0 && x == 'a')", "true"],
  filter: ["The elements, or keys, for which it holds.", "[1, 2, 3].filter(x, x > 1)", "[2, 3]"],
  map: [
    "What becomes of each; with three arguments, of those for which the second holds.",
    "[1, 2, 3].map(x, x > 1, x * 10)",
    "[20, 30]",
  ],
  sortBy: ["In the order of what each gives.", "['aa', 'b'].sortBy(x, x.size())", "['b', 'aa']"],
  transformList: [
    "A list of what becomes of each index or key and its value.",
    "['a', 'b'].transformList(i, x, x + string(i))",
    "['a0', 'b1']",
  ],
  transformMap: ["A map with the same keys.", "{'a': 1}.transformMap(k, v, v + 1)", "{'a': 2}"],
  transformMapEntry: [
    "A map of the entries given.",
    "{'a': 'b'}.transformMapEntry(k, v, {v: k})",
    "{'b': 'a'}",
  ],
  optMap: [
    "What becomes of an optional's value, if it has one.",
    "optional.of(2).optMap(x, x * 2).value()",
    "4",
  ],
  optFlatMap: [
    "The same, where it becomes an optional.",
    "optional.of([1]).optFlatMap(x, x.first()).value()",
    "1",
  ],
  bind: [
    "A name for a value that is used more than once.",
    "cel.bind(x, 'a' + 'b', x + x)",
    "'abab'",
  ],
};
