// What judging a document may cost. Schemas can branch (`anyOf`) and repeat (`$ref`) so that the
// work grows exponentially with what is nested; so every keyword, member, element and 16 bytes of
// text that are looked at take a unit, and when none is left the document counts as not judged.

/** Units for any document, and further ones for each byte: twenty bytes of JSON are about one
 * value, which a usual schema judges with ten to twenty units. Spent in full on 1 MiB they last
 * some tens of milliseconds. */
const BASE_UNITS: i64 = 1_000_000;
const UNITS_PER_BYTE: i64 = 4;

let left: i64 = 0;

export function refill(documentBytes: i32): void {
  left = BASE_UNITS + (documentBytes as i64) * UNITS_PER_BYTE;
}

/** Takes units; false when there are none left. */
export function charge(units: i32): bool {
  left -= units;
  return left >= 0;
}

export function chargeBytes(n: i32): bool {
  return charge((n >> 4) + 1);
}

/** Nothing further is judged: too deep, or out of memory. */
export function exhaust(): void {
  left = -1;
}

export function isSpent(): bool {
  return left < 0;
}
