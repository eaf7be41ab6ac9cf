// What the compiler has to say about a file: one record a problem, in the author's terms.

/** A note costs nothing but the reading: it is never a finding. */
export type Severity = "error" | "warning" | "note";

/** A stretch of the text: offsets in UTF-16 units, lines and columns from 1. */
export interface Range {
  start: Position;
  end: Position;
}

export interface Position {
  offset: number;
  line: number;
  column: number;
}

export interface Diagnostic {
  code: string;
  severity: Severity;
  message: string;
  /** What to write instead. */
  hint?: string | undefined;
  file: string;
  /** The whole file when there is none. */
  range?: Range | undefined;
  /** JSON Pointer of the value, where there is one. */
  pointer?: string | undefined;
}

/** By place, then by code; what has no place comes first. */
export function sortDiagnostics(diagnostics: Diagnostic[]): Diagnostic[] {
  const at = (each: Diagnostic) => each.range?.start.offset ?? -1;
  return [...diagnostics].sort(
    (a, b) => a.file.localeCompare(b.file) || at(a) - at(b) || a.code.localeCompare(b.code),
  );
}

/** `, did you mean "…"?`'s word: the nearest of the candidates within two edits, if there is one. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = 3;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    if (distance < bestDistance && distance * 2 < candidate.length) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein's, with a swap of neighbours as one edit. */
function editDistance(a: string, b: string): number {
  if (Math.abs(a.length - b.length) > 2) return 3;
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let best = Math.min(above[j]! + 1, row[j - 1]! + 1, above[j - 1]! + (same ? 0 : 1));
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isSwap) best = Math.min(best, before[j - 2]! + 1);
      row.push(best);
    }
    before = above;
    above = row;
  }
  return above[b.length]!;
}
