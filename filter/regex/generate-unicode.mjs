// Writes filter/generated/unicode.ts: general categories, scripts and simple case folding, as Node's
// own Unicode knows them (RegExp property escapes and the `iu` flags).  Run when Unicode moves:
//   node filter/regex/generate-unicode.mjs
//
// A table of classes is a list of runs from U+0000 upwards, each a varint of length << bits | class.
// Folding is a list of runs too: gap from the last run, length << 1 | (stride - 1), and the zigzag
// distance to the next member of the orbit (A → a → A, K → k → K (Kelvin) → K).

import { writeFileSync } from "node:fs";

const LAST = 0x10ffff;
// The order is the class number; unicode.ts has the letters of the first of each pair.
const categories =
  "Cn Cc Cf Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs".split(
    " ",
  );
const scripts = `
Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali
Bhaiksuki Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma
Cham Cherokee Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari
Dives_Akuru Dogra Duployan Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic
Grantha Greek Gujarati Gunjala_Gondi Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew
Hiragana Imperial_Aramaic Inherited Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi
Kannada Katakana Kawi Kayah_Li Kharoshthi Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha
Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani Makasar Malayalam Mandaic Manichaean Marchen
Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi
Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari New_Tai_Lue Newa Nko Nushu
Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian Old_Permic
Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong
Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada
Shavian Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog
Tagbanwa Tai_Le Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh
Tirhuta Toto Ugaritic Vai Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square`
  .trim()
  .split(/\s+/);

const bytes = [];
function varint(value) {
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return bytes.push(rest);
    bytes.push((rest % 128) | 128);
  }
}

function classRuns(names, bits, property) {
  const classOf = new Uint8Array(LAST + 1);
  names.forEach((name, index) => {
    const member = new RegExp(`^\\p{${property}=${name}}$`, "u");
    for (let c = 0; c <= LAST; c++) if (member.test(String.fromCodePoint(c))) classOf[c] = index;
  });
  bytes.length = 0;
  for (let from = 0, to; from <= LAST; from = to) {
    for (to = from; to <= LAST && classOf[to] === classOf[from]; ) to++;
    varint((to - from) * 2 ** bits + classOf[from]);
  }
  return [...bytes];
}

function foldRuns() {
  const orbit = new Map();
  const join = (a, b) => {
    if (a === b || !new RegExp(`^\\u{${a.toString(16)}}$`, "iu").test(String.fromCodePoint(b)))
      return;
    const all = new Set([...(orbit.get(a) ?? [a]), ...(orbit.get(b) ?? [b])]);
    for (const c of all) orbit.set(c, all);
  };
  for (let c = 0; c <= LAST; c++) {
    if (c >= 0xd800 && c < 0xe000) continue;
    const text = String.fromCodePoint(c);
    for (const other of [text.toLowerCase(), text.toUpperCase()]) {
      if ([...other].length === 1) join(c, other.codePointAt(0));
    }
  }
  const next = new Map();
  for (const [c, all] of orbit) {
    const sorted = [...all].sort((a, b) => a - b);
    next.set(c, sorted[(sorted.indexOf(c) + 1) % sorted.length] - c);
  }
  const left = [...next.keys()].sort((a, b) => a - b);
  bytes.length = 0;
  let last = 0;
  while (left.length > 0) {
    const from = left[0];
    const delta = next.get(from);
    const run = (stride) => {
      let n = 1;
      while (next.get(from + n * stride) === delta && left.includes(from + n * stride)) n++;
      return n;
    };
    const [one, two] = [run(1), run(2)];
    const stride = two > one ? 2 : 1;
    const n = Math.max(one, two);
    for (let i = 0; i < n; i++) left.splice(left.indexOf(from + i * stride), 1);
    varint(from - last);
    varint(n * 2 + (stride - 1));
    varint(delta < 0 ? -delta * 2 - 1 : delta * 2);
    last = from;
  }
  return [...bytes];
}

function table(name, comment, values) {
  const lines = [];
  let line = " ";
  for (const value of values) {
    if (line.length + String(value).length + 2 > 100) {
      lines.push(line);
      line = " ";
    }
    line += ` ${value},`;
  }
  lines.push(line);
  const body = lines.join("\n");
  return `/** ${comment} */\nexport const ${name}: StaticArray<u8> = [\n${body}\n];\n`;
}

const text = [
  `// Made by filter/regex/generate-unicode.mjs from Unicode ${process.versions.unicode}; do not edit.\n`,
  table("CATEGORY_RUNS", "Runs of `length << 5 | category`.", classRuns(categories, 5, "gc")),
  table(
    "SCRIPT_RUNS",
    "Runs of `length << 8 | script`; 0 is no script.",
    classRuns(["Zzzz", ...scripts], 8, "sc"),
  ),
  table(
    "FOLD_RUNS",
    "Runs of case folding: gap, length << 1 | stride - 1, zigzag distance.",
    foldRuns(),
  ),
  table(
    "SCRIPT_NAMES",
    "Names of the scripts from 1, each ended by a newline; ASCII.",
    [...scripts.map((s) => `${s}\n`).join("")].map((c) => c.charCodeAt(0)),
  ),
].join("\n");
writeFileSync(new URL("../generated/unicode.ts", import.meta.url), text);
