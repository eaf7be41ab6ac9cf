// The parts of a condition in CEL that a person would look at: its terms joined by && and ||, and what
// they compare. Only the text is cut, at the top level, and never inside of a text or brackets; what
// each part is worth the filter says.

const WORD = /[\p{L}\p{N}_]/u;

/** Where each operator stands at the top level, as [from, to]. */
function operators(text: string, wanted: readonly string[]): Array<[number, number]> {
  const found: Array<[number, number]> = [];
  let depth = 0;
  for (let i = 0; i < text.length; ) {
    const end = literalEnd(text, i);
    if (end > i) {
      i = end;
      continue;
    }
    const c = text.charAt(i);
    if ("([{".includes(c)) depth++;
    if (")]}".includes(c)) depth--;
    const operator = depth === 0 ? wanted.find((each) => isAt(text, i, each)) : undefined;
    if (operator !== undefined) found.push([i, i + operator.length]);
    i += operator?.length ?? 1;
  }
  return found;
}

/** Where the text or comment that begins at `i` ends, or `i` when none does. */
function literalEnd(text: string, i: number): number {
  if (text.startsWith("//", i)) {
    const end = text.indexOf("\n", i);
    return end < 0 ? text.length : end;
  }
  const before = i > 0 ? text.charAt(i - 1) : "";
  const prefix = WORD.test(before)
    ? ""
    : (/^[rRbB]{1,2}(?=["'])/.exec(text.slice(i, i + 3))?.[0] ?? "");
  const at = i + prefix.length;
  const quote = /^("""|'''|"|')/.exec(text.slice(at, at + 3))?.[0];
  if (quote === undefined) return i;
  const isRaw = /r/i.test(prefix);
  for (let j = at + quote.length; j < text.length; j++) {
    if (!isRaw && text.charAt(j) === "\\") j++;
    else if (text.startsWith(quote, j)) return j + quote.length;
  }
  return text.length;
}

function isAt(text: string, i: number, operator: string): boolean {
  if (!text.startsWith(operator, i)) return false;
  if (operator !== "in") return true;
  return !WORD.test(text.charAt(i - 1)) && !WORD.test(text.charAt(i + 2));
}

function split(text: string, operator: string): string[] {
  const parts: string[] = [];
  let from = 0;
  for (const [start, end] of operators(text, [operator])) {
    parts.push(text.slice(from, start).trim());
    from = end;
  }
  return [...parts, text.slice(from).trim()];
}

/** Without brackets around all of it. */
function bare(text: string): string {
  const trimmed = text.trim();
  if (!trimmed.startsWith("(") || !trimmed.endsWith(")")) return trimmed;
  const inner = trimmed.slice(1, -1);
  let depth = 0;
  for (let i = 0; i < inner.length; i++) {
    const end = literalEnd(inner, i);
    if (end > i) i = end - 1;
    else if (inner[i] === "(") depth++;
    else if (inner[i] === ")" && --depth < 0) return trimmed;
  }
  return bare(inner);
}

/** What `&&` joins; of one term alone that term. */
export function conjuncts(text: string): string[] {
  const whole = bare(text);
  if (operators(whole, ["?"]).length > 0 || operators(whole, ["||"]).length > 0) return [whole];
  return split(whole, "&&").flatMap((part) => (part === whole ? [part] : conjuncts(part)));
}

/** What is worth looking at in a term: both sides of a comparison, what is negated, what a method is
 * asked of; names and literals have none. */
export function operands(text: string): string[] {
  const whole = bare(text);
  if (operators(whole, ["?"]).length > 0) return [];
  for (const joint of ["||", "&&"]) {
    const parts = split(whole, joint);
    if (parts.length > 1) return parts;
  }
  const [comparison] = operators(whole, ["==", "!=", "<=", ">=", "<", ">", "in"]);
  if (comparison) return [whole.slice(0, comparison[0]).trim(), whole.slice(comparison[1]).trim()];
  if (whole.startsWith("!")) return [whole.slice(1).trim()];
  const call = /^(.*)\.[A-Za-z_]\w*\((.*)\)$/s.exec(whole);
  const dots = operators(whole, ["."]);
  if (!call || dots.length === 0) return [];
  // The last method; what is in its brackets counts too.
  const receiver = whole.slice(0, dots.at(-1)![0]);
  const argument = whole.slice(whole.indexOf("(", dots.at(-1)![0]) + 1, -1);
  return [receiver, ...(argument.length > 0 ? split(argument, ",") : [])];
}

/** Whether it says its value itself. */
export function isLiteral(text: string): boolean {
  const trimmed = bare(text);
  return (
    /^-?[\d.]+(e[+-]?\d+)?u?$/i.test(trimmed) ||
    /^(true|false|null)$/.test(trimmed) ||
    /^\[[^$a-zA-Z]*\]$/.test(trimmed.replaceAll(/"[^"\\]*"|'[^'\\]*'/g, "0")) ||
    (trimmed.length > 0 && literalEnd(trimmed, 0) === trimmed.length)
  );
}
