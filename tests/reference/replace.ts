// Replacement of literals as slowly and obviously as can be: the whole text, one place after another.

export interface Literal {
  find: string;
  with: string;
  ignoreCase: boolean;
  /** How often at most. */
  limit: number;
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
    result += literals[which]!.with;
    at += literals[which]!.find.length;
  }
  return result;
}
