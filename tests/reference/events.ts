// Streams of events edited as a whole, by regular expressions: slow, obvious, and nothing of the filter in
// it. Texts are Latin-1, a character a byte. The grammar is that of the HTML standard, but that an event
// that the stream ends in counts as one.

export interface ReferenceEvent {
  data: string | undefined;
  type: string | undefined;
  id: string | undefined;
  index: number;
}

/** Changes the event in place; true drops it. */
export type ReferenceEdit = (event: ReferenceEvent) => unknown;

const MARK = "\u00ef\u00bb\u00bf";
const LINE = /([^\r\n]*)(\r\n|\r|\n|$)/y;

function splitMark(text: string): [mark: string, rest: string] {
  return text.startsWith(MARK) ? [MARK, text.slice(3)] : ["", text];
}

/** The lines of the text with what ends each. */
function linesOf(text: string): Array<{ text: string; end: string }> {
  const lines: Array<{ text: string; end: string }> = [];
  LINE.lastIndex = 0;
  while (LINE.lastIndex < text.length) {
    const [, line, end] = LINE.exec(text)!;
    lines.push({ text: line!, end: end! });
  }
  return lines;
}

export function editEvents(text: string, edit: ReferenceEdit): string {
  const [mark, rest] = splitMark(text);
  let out = mark;
  let event: ReturnType<typeof linesOf> = [];
  let index = 0;
  for (const line of linesOf(rest)) {
    event.push(line);
    if (line.text !== "" || line.end === "") continue;
    out += editEvent(event, index++, edit);
    event = [];
  }
  return out + (event.length > 0 ? editEvent(event, index, edit) : "");
}

function editEvent(lines: ReturnType<typeof linesOf>, index: number, edit: ReferenceEdit): string {
  const fields = lines.map((line) => ({ ...line, ...fieldOf(line.text) }));
  const named = (name: string) => fields.filter((field) => field.name === name);
  const before: ReferenceEvent = {
    data:
      named("data").length > 0
        ? named("data")
            .map(({ value }) => value)
            .join("\n")
        : undefined,
    type: named("event").at(-1)?.value,
    id: named("id").at(-1)?.value,
    index,
  };
  const same = lines.map(({ text, end }) => text + end).join("");
  if (before.data === undefined && before.type === undefined && before.id === undefined)
    return same;
  const after = { ...before };
  if (edit(after) === true) return "";
  const lineEnd = lines[0]!.end || "\n";
  const owed = new Map<string, string[]>();
  if (after.type !== before.type) owed.set("event", [after.type!]);
  if (after.id !== before.id) owed.set("id", [after.id!]);
  if (after.data !== before.data) owed.set("data", after.data!.split("\n"));
  const changed = new Set(owed.keys());
  if (changed.size === 0) return same;
  let out = "";
  const write = (name: string, lastEnd: string) => {
    const values = owed.get(name);
    owed.delete(name);
    if (values) out += `${values.map((value) => `${name}: ${value}`).join(lineEnd)}${lastEnd}`;
  };
  const writeOwed = () => {
    for (const name of [...owed.keys()]) write(name, lineEnd);
  };
  let lastEnd = "";
  for (const { text, end, name } of fields) {
    if (text === "") {
      writeOwed();
      return out + end;
    }
    if (changed.has(name)) write(name, end);
    else out += text + end;
    lastEnd = end;
  }
  if (owed.size === 0) return out;
  if (lastEnd === "") out += lineEnd;
  writeOwed();
  return lastEnd === "" ? out.slice(0, -lineEnd.length) : out;
}

function fieldOf(line: string): { name: string; value: string } {
  const [, name, value] = /^([^:]*)(?::\x20?(.*))?$/s.exec(line)!;
  return { name: name!, value: value ?? "" };
}

export function editLines(text: string, edit: ReferenceEdit): string {
  const [mark, rest] = splitMark(text);
  const parts = rest.match(/[^\n]*\n|[^\n]+$/g) ?? [];
  return (
    mark +
    parts
      .map((part, index) => {
        const [, line, end] = /^([\s\S]*?)(\r?\n|\r?$)$/.exec(part)!;
        if (line === "") return part;
        const event: ReferenceEvent = { data: line!, type: undefined, id: undefined, index };
        if (edit(event) === true) return "";
        return (event.data === line ? line! : oneLine(event.data!, line!)) + end!;
      })
      .join("")
  );
}

/** What may stand in place of the line: white space of JSON is none that ends it, and other text that
 * would is not put there. */
function oneLine(text: string, line: string): string {
  if (parseJson(text) !== undefined) return text.replaceAll("\r", " ");
  return text.includes("\r") || text.includes("\0") ? line : text;
}

/** The value of JSON in UTF-8, given as Latin-1, with or without a mark; undefined when it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(splitMark(text)[1], "latin1").toString());
  } catch {
    return undefined;
  }
}
