// Replacement of literals as slowly and obviously as can be: the whole text, one place after another.

export interface Literal {
  find: string;
  with: string;
  ignoreCase: boolean;
  /** How often at most. */
  limit: number;
  /** The literal stays as it was written, and `with` goes there. */
  place?: "before" | "after";
}

/** Leftmost first, the earlier of the list where two begin together; what is put in is not searched. */
export function replaceAll(text: string, literals: Literal[]): string {
  const left = literals.map((each) => each.limit);
  let result = "";
  for (let at = 0; at < text.length; ) {
    const which = literals.findIndex((each, i) => {
      const here = text.slice(at, at + each.find.length);
      const same = each.ignoreCase
        ? here.toLowerCase() === each.find.toLowerCase()
        : here === each.find;
      return left[i]! > 0 && same;
    });
    if (which < 0) {
      result += text[at++];
      continue;
    }
    left[which]!--;
    const { find, with: value, place } = literals[which]!;
    const kept = place ? text.slice(at, at + find.length) : "";
    result += place === "after" ? kept + value : value + kept;
    at += find.length;
  }
  return result;
}
