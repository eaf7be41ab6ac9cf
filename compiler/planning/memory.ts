// What a stream may take of memory for bodies, because of a rule or of all rules together: terms that
// add up to an upper bound of what is kept between two callbacks.
//
// A body that is collected lies in a buffer that doubles as it grows, so it counts twice; its JSON, if
// anybody asks for it, is at most a record of 20 bytes for each two bytes of text, and they double
// too. What came compressed is taken to be no larger than what it decodes to.

import { DIRECTIONS, type Direction, type FilterEdit, type PlannedRule } from "./plan.ts";

export interface MemoryTerm {
  what: string;
  bytes: number;
}

const BUFFER_FACTOR = 2;
const JSON_FACTOR = 20;

/** Of the edits, of a body of which `read` bytes are read and `collected` collected at the most; 0 is
 * not at all. What edits hold back adds up; the body is collected and decoded once. */
export function memoryTerms(
  rules: PlannedRule[],
  edits: FilterEdit[],
  read: number,
  collected: number,
): MemoryTerm[] {
  const isDecoded = read > 0 || edits.some((edit) => edit.decodes && !edit.replacesAll);
  const keepsRaw =
    rules.some(({ filter }) => filter.holdsHeaders) &&
    (read > 0 || edits.some((edit) => edit.maxSize !== undefined && edit.decodes));
  const terms = [
    { what: "held back by edits", bytes: edits.reduce((total, { memory }) => total + memory, 0) },
    { what: "the body", bytes: BUFFER_FACTOR * collected },
    { what: "it as it came, if compressed", bytes: keepsRaw ? BUFFER_FACTOR * collected : 0 },
    { what: "decoding it", bytes: isDecoded ? rules[0]!.filter.decoder : 0 },
    { what: "its JSON, if that is read", bytes: JSON_FACTOR * read },
    { what: "what events tell of it", bytes: BUFFER_FACTOR * captured(rules) },
  ];
  return terms.filter(({ bytes }) => bytes > 0);
}

/** The most that the rules' events tell of a body, which is kept until the stream is done. */
function captured(rules: PlannedRule[]): number {
  const steps = rules.flatMap(({ filter }) => filter.done);
  return largest([0, ...steps.map(({ maxBody }) => maxBody ?? 0)]);
}

/** Of a stream that each of the rules is for. */
export function memoryOfAll(rules: PlannedRule[], direction: Direction): MemoryTerm[] {
  const steps = rules.flatMap(({ filter }) => filter[direction]);
  const edits = steps.flatMap((step) => step.edits ?? []);
  const at = DIRECTIONS.indexOf(direction);
  // A limit that another rule brings may also be larger than what is read without any.
  const limits = rules.flatMap(({ filter }) => [filter.limits[at]!, filter.ownLimits[at]!]);
  const isRead = rules.some((rule) => readsBody(rule, direction));
  const readLimits = rules.map(({ filter }) => filter.readLimit);
  const bodies = steps.map(({ body }) => body ?? 0);
  const read = isRead ? largest([...readLimits, ...limits, ...bodies]) : 0;
  const collected = largest([read, ...edits.map(({ maxSize }) => maxSize ?? 0)]);
  return memoryTerms(rules, edits, read, collected);
}

/** Whether an expression or a step of the rule waits for the body. */
export function readsBody({ filter }: PlannedRule, direction: Direction): boolean {
  return (
    filter.whenReadsBody === DIRECTIONS.indexOf(direction) ||
    filter[direction].some((step) => step.readsBody || step.whenReadsBody)
  );
}

/** Lists of rules can be longer than lists of arguments. */
function largest(numbers: number[]): number {
  return numbers.reduce((most, each) => Math.max(most, each));
}

export function sum(terms: MemoryTerm[]): number {
  return terms.reduce((total, { bytes }) => total + bytes, 0);
}

/** A size for people, to a tenth. */
export function size(bytes: number): string {
  for (const [unit, name] of [
    [2 ** 30, "GiB"],
    [2 ** 20, "MiB"],
    [2 ** 10, "KiB"],
  ] as const) {
    if (bytes >= unit) return `${Math.round((bytes / unit) * 10) / 10} ${name}`;
  }
  return bytes === 1 ? "1 byte" : `${bytes} bytes`;
}
