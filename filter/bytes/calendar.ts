// The proleptic Gregorian calendar in UTC: days since 1970-01-01 to year, month and day, and back.
// 146,097 days are 400 years; years are counted from March, so that the leap day is the last.

export let year: i64 = 0;
/** 1 to 12 */
export let month: i32 = 0;
/** 1 to 31 */
export let day: i32 = 0;

/** Sets `year`, `month` and `day`. */
export function fromDays(days: i64): void {
  const shifted = days + 719468;
  const era = floorDivide(shifted, 146097);
  const dayOfEra = shifted - era * 146097;
  const yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146096) / 365;
  const dayOfYear = (dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)) as i32;
  const monthFromMarch = (5 * dayOfYear + 2) / 153;
  month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9;
  day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1;
  year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
}

export function toDays(year: i64, month: i32, day: i32): i64 {
  const y = month <= 2 ? year - 1 : year;
  const era = floorDivide(y, 400);
  const yearOfEra = y - era * 400;
  const monthFromMarch = month > 2 ? month - 3 : month + 9;
  const dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1;
  return era * 146097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719468;
}

export function floorDivide(a: i64, b: i64): i64 {
  const quotient = a / b;
  return a % b < 0 ? quotient - 1 : quotient;
}

export function daysIn(year: i64, month: i32): i32 {
  if (month == 2) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
  }
  return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

/** 0 is Sunday. */
export function weekday(days: i64): i32 {
  const w = ((days + 4) % 7) as i32;
  return w < 0 ? w + 7 : w;
}
