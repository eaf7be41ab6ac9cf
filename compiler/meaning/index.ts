// What a rule file says that cannot be meant. Each check stands for itself, in the order of this list.

import type { Diagnostic } from "../diagnostic.ts";
import type { Source } from "../parse.ts";
import type { Check, Finding } from "./finding.ts";
import { headersOfTheHost, namesInOtherLetters, secretsInTheClear } from "./headers.ts";
import { constantConditions, methods, paths } from "./matching.ts";
import { readsOfOwnWrites } from "./own-writes.ts";
import { singleValues } from "./several-values.ts";
import { limitsByWhatIsWritten, redirectsToThemselves } from "./steps.ts";
import { foreignPlaceholders, idleTemplates } from "./texts.ts";
import { changedNumbers, otherReaders } from "./yaml.ts";

const CHECKS: Check[] = [
  ...[otherReaders, changedNumbers, methods, constantConditions, paths, namesInOtherLetters],
  ...[foreignPlaceholders, idleTemplates, headersOfTheHost, redirectsToThemselves],
  ...[limitsByWhatIsWritten, secretsInTheClear, singleValues, readsOfOwnWrites],
];

/** Reports what the checks find in a file whose shape is right. */
export function checkMeaning(source: Source, report: (diagnostic: Diagnostic) => void): void {
  for (const check of CHECKS) for (const finding of check(source)) report(said(source, finding));
}

function said(source: Source, finding: Finding & Partial<Pick<Diagnostic, "range">>): Diagnostic {
  const { code, message, hint, pointer, key = false, severity = "warning" } = finding;
  const range = finding.range ?? source.rangeOf(pointer, { key });
  return {
    code,
    severity,
    message,
    hint,
    file: source.file,
    range,
    pointer: finding.range ? undefined : pointer,
  };
}
