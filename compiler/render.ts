// Diagnostics as people and tools read them.

import { codes } from "./codes.ts";
import type { Diagnostic } from "./diagnostic.ts";

export const FORMATS = ["pretty", "json", "sarif", "github", "junit"] as const;
export type Format = (typeof FORMATS)[number];

/** The texts of the files, for showing lines. */
export type Texts = ReadonlyMap<string, string>;

/** The diagnostics in the format; ends with a line end unless empty. */
export function render(diagnostics: Diagnostic[], format: Format, texts: Texts): string {
  switch (format) {
    case "pretty": {
      const lines = new Map([...texts].map(([file, text]) => [file, text.split(/\r?\n/)]));
      return diagnostics.map((each) => pretty(each, lines)).join("\n");
    }
    case "json":
      return json(diagnostics);
    case "sarif":
      return json(sarif(diagnostics));
    case "github":
      return diagnostics.map(github).join("");
    case "junit":
      return junit(diagnostics, [...texts.keys()]);
  }
}

/** What a terminal would take for commands stays escaped. */
function json(value: unknown): string {
  const text = JSON.stringify(value, null, 2).replace(CONTROLS, (each) =>
    each === "\n" ? each : `\\u${each.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
  return `${text}\n`;
}

function place({ file, range }: Diagnostic): string {
  return range ? `${file}:${range.start.line}:${range.start.column}` : file;
}

/**
 * error[R200]: unknown key "repalce"
 *   rules.yaml:14:9
 * 14 |         repalce: { x-env: prod }
 *    |         ^^^^^^^ did you mean "replace"?
 *    = docs/reference/diagnostics.md#r200
 */
function pretty(diagnostic: Diagnostic, lines: ReadonlyMap<string, string[]>): string {
  const { code, severity, message, hint, range, file } = diagnostic;
  let text = `${severity}[${code}]: ${visible(message)}\n  ${visible(place(diagnostic))}\n`;
  const line = range && lines.get(file)?.[range.start.line - 1];
  if (range && line !== undefined) {
    const number = String(range.start.line);
    const margin = " ".repeat(number.length);
    const sameLine = range.end.line === range.start.line;
    const start = range.start.column - 1;
    const shown = excerpt(line, start, sameLine ? range.end.column - 1 : line.length);
    const carets = "^".repeat(Math.max(1, blank(shown.marked).length));
    text += `${number} | ${visible(shown.before + shown.marked + shown.after)}\n`;
    text += `${margin} | ${blank(shown.before)}${carets}${hint ? ` ${visible(hint)}` : ""}\n`;
    text += `${margin} = docs/reference/diagnostics.md#${code.toLowerCase()}\n`;
  } else if (hint) {
    text += `  = ${visible(hint)}\n`;
  }
  return text;
}

/** Characters of a line that are shown on each side of where it is marked. */
const AROUND = 120;

/** The line in three parts; of a long one what is around the marked part, and that not without end. */
function excerpt(line: string, start: number, end: number) {
  const isShort = line.length <= 2 * AROUND;
  const from = isShort ? 0 : whole(line, Math.max(0, start - AROUND));
  const markedTo = isShort ? end : whole(line, Math.min(end, start + AROUND));
  const to = isShort ? line.length : whole(line, Math.min(line.length, markedTo + AROUND));
  return {
    before: (from > 0 ? "…" : "") + line.slice(from, start),
    marked: line.slice(start, markedTo),
    after: line.slice(markedTo, to) + (to < line.length ? "…" : ""),
  };
}

/** The index, or the next one if it would part a character. */
function whole(line: string, index: number): number {
  return /[\uDC00-\uDFFF]/.test(line.charAt(index)) ? index + 1 : index;
}

/** What would move the cursor, change the colour of a terminal, or the order in which text is shown. */
const CONTROLS = /[^\P{Cc}\t]|[\u202A-\u202E\u2066-\u2069]/gu;

function visible(text: string): string {
  return text.replace(CONTROLS, "\uFFFD");
}

const WIDE =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Emoji_Presentation}\u3000-\u303E\uFF01-\uFF60]/gu;

/** What XML 1.0 does not have, escaped or not, and what a terminal takes for commands. */
const NO_XML = /[^\P{Cc}\t\n\r]|[\uFFFE\uFFFF\u202A-\u202E\u2066-\u2069]/gu;

/** Spaces as wide as the text is on a terminal; tabs stay. */
function blank(text: string): string {
  return text
    .replace(/[\p{Mn}\p{Me}\u200D]/gu, "")
    .replace(WIDE, "  ")
    .replace(/[^\t]/gu, " ");
}

function withHint({ message, hint }: Diagnostic): string {
  return hint ? `${message}; ${hint}` : message;
}

function sarif(diagnostics: Diagnostic[]): object {
  const used = [...new Set(diagnostics.map((each) => each.code))].sort();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "ruleway",
            rules: used.map((id) => ({
              id,
              shortDescription: { text: codes[id]?.title ?? id },
              fullDescription: { text: codes[id]?.explanation ?? id },
            })),
          },
        },
        results: diagnostics.map((each) => ({
          ruleId: each.code,
          level: each.severity,
          message: { text: withHint(each) },
          locations: [
            {
              physicalLocation: {
                artifactLocation: { uri: uriOf(each.file) },
                ...(each.range && {
                  region: {
                    startLine: each.range.start.line,
                    startColumn: each.range.start.column,
                    endLine: each.range.end.line,
                    endColumn: each.range.end.column,
                  },
                }),
              },
            },
          ],
        })),
      },
    ],
  };
}

/** The path as a URI reference (RFC 3986), which SARIF asks for. */
function uriOf(path: string): string {
  const uri = path
    .replace(/\p{Cs}/gu, "\uFFFD")
    .split("/")
    .map(encodeURIComponent)
    .join("/");
  return /^[^/]*:/.test(path) ? `./${uri}` : uri;
}

/** A workflow command of GitHub Actions: a line, its properties between commas. */
function github(each: Diagnostic): string {
  const escaped = (text: string) =>
    text
      .replaceAll("%", "%25")
      .replaceAll("\r", "%0D")
      .replaceAll("\n", "%0A")
      .replace(CONTROLS, "\uFFFD");
  const property = (text: string) => escaped(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
  const at = each.range ? `,line=${each.range.start.line},col=${each.range.start.column}` : "";
  const title = property(`${each.code} ${codes[each.code]?.title ?? ""}`);
  const command = each.severity === "note" ? "notice" : each.severity;
  return `::${command} file=${property(each.file)}${at},title=${title}::${escaped(withHint(each))}\n`;
}

function junit(diagnostics: Diagnostic[], files: string[]): string {
  const escaped = (text: string) =>
    text
      .replace(/\p{Cs}/gu, "\uFFFD")
      .replaceAll("&", "&amp;")
      .replaceAll("<", "&lt;")
      .replaceAll(">", "&gt;")
      .replaceAll('"', "&quot;")
      .replace(/[\t\n\r]/g, (each) => `&#${each.charCodeAt(0)};`)
      .replace(NO_XML, "\uFFFD");
  const cases = files.map((file) => {
    const failures = diagnostics
      .filter((each) => each.file === file && each.severity === "error")
      .map((each) => {
        const text = `${place(each)} ${withHint(each)}`;
        return `      <failure type="${each.code}" message="${escaped(each.message)}">${escaped(text)}</failure>\n`;
      });
    return `    <testcase classname="ruleway.check" name="${escaped(file)}">\n${failures.join("")}    </testcase>\n`;
  });
  const failed = new Set(
    diagnostics.filter((each) => each.severity === "error").map((each) => each.file),
  ).size;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n  <testsuite name="ruleway check" tests="${files.length}" failures="${failed}">\n${cases.join("")}  </testsuite>\n</testsuites>\n`;
}
