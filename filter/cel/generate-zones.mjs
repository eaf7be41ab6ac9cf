// Writes filter/generated/zones.ts: the time zones that expressions know, each with the rule it follows
// now. Run by hand when rules change in the world: node filter/cel/generate-zones.mjs
//
// The rules are read from the runtime's own time zone data: for every zone the changes of its offset in
// the years ahead, brought into the form "week of a month, weekday, time".

import { writeFileSync } from "node:fs";

// Names beside the runtime's own list: those of the tz database that it counts as aliases.
const ALIASES =
  `Africa/Asmara Africa/Timbuktu America/Argentina/Buenos_Aires America/Argentina/Catamarca
America/Argentina/ComodRivadavia America/Argentina/Cordoba America/Argentina/Jujuy
America/Argentina/Mendoza America/Atikokan America/Atka America/Ensenada America/Fort_Wayne
America/Indiana/Indianapolis America/Kentucky/Louisville America/Knox_IN America/Montreal
America/Nipigon America/Nuuk America/Pangnirtung America/Porto_Acre America/Rainy_River
America/Rosario America/Santa_Isabel America/Shiprock America/Thunder_Bay America/Virgin
America/Yellowknife Antarctica/South_Pole Asia/Ashkhabad Asia/Choibalsan Asia/Chongqing
Asia/Chungking Asia/Dacca Asia/Harbin Asia/Ho_Chi_Minh Asia/Istanbul Asia/Kashgar Asia/Kathmandu
Asia/Kolkata Asia/Macao Asia/Tel_Aviv Asia/Thimbu Asia/Ujung_Pandang Asia/Ulan_Bator Asia/Yangon
Atlantic/Faroe Atlantic/Jan_Mayen Australia/ACT Australia/Canberra Australia/Currie
Australia/LHI Australia/NSW Australia/North Australia/Queensland Australia/South
Australia/Tasmania Australia/Victoria Australia/West Australia/Yancowinna Brazil/Acre
Brazil/DeNoronha Brazil/East Brazil/West CET CST6CDT Canada/Atlantic Canada/Central
Canada/Eastern Canada/Mountain Canada/Newfoundland Canada/Pacific Canada/Saskatchewan
Canada/Yukon Chile/Continental Chile/EasterIsland Cuba EET EST EST5EDT Egypt Eire Europe/Belfast
Europe/Kyiv Europe/Nicosia Europe/Tiraspol Europe/Uzhgorod Europe/Zaporozhye GB GB-Eire GMT
GMT+0 GMT-0 GMT0 Greenwich HST Hongkong Iceland Iran Israel Jamaica Japan Kwajalein Libya MET
MST MST7MDT Mexico/BajaNorte Mexico/BajaSur Mexico/General NZ NZ-CHAT Navajo PRC PST8PDT
Pacific/Chuuk Pacific/Johnston Pacific/Kanton Pacific/Pohnpei Pacific/Samoa Pacific/Yap Poland
Portugal ROC ROK Singapore Turkey UCT US/Alaska US/Aleutian US/Arizona US/Central US/East-Indiana US/Eastern US/Hawaii US/Indiana-Starke US/Michigan US/Mountain US/Pacific US/Samoa UTC
Universal W-SU WET Zulu Etc/UTC Etc/GMT`.split(/\s+/);

const YEARS = [2027, 2028, 2029, 2030, 2031, 2032, 2033, 2034];
const HOUR = 3600_000;
const DAY = 24 * HOUR;

function offsetReader(zone) {
  const format = new Intl.DateTimeFormat("en-US", {
    ...{ timeZone: zone, hourCycle: "h23", year: "numeric", month: "numeric" },
    ...{ day: "numeric", hour: "numeric", minute: "numeric", second: "numeric" },
  });
  return (time) => {
    const part = Object.fromEntries(format.formatToParts(time).map((p) => [p.type, +p.value]));
    const { year, month, day, hour, minute, second } = part;
    return (Date.UTC(year, month - 1, day, hour, minute, second) - time) / 60_000;
  };
}

/** The changes of offset in a year: [time, before, after]. */
function changes(offsetAt, year) {
  const found = [];
  let time = Date.UTC(year, 0, 1);
  const end = Date.UTC(year + 1, 0, 1);
  while (time < end) {
    const next = Math.min(time + DAY, end);
    const before = offsetAt(time);
    const after = offsetAt(next);
    if (before !== after) {
      let low = time;
      let high = next;
      while (high - low > 60_000) {
        const middle = low + Math.floor((high - low) / 120_000) * 60_000;
        if (offsetAt(middle) === before) low = middle;
        else high = middle;
      }
      found.push([high, before, after]);
    }
    time = next;
  }
  return found;
}

/** month.week.weekday.minute in local time before the change; week 5 is the last one. */
function forms([time, before]) {
  const local = new Date(time + before * 60_000);
  const all = [];
  // A change may as well be said as an hour after 24 of the day before, or before 0 of the day after.
  for (const back of [0, 1, -1]) {
    const day = new Date(local.getTime() - back * DAY);
    const minute = local.getUTCHours() * 60 + local.getUTCMinutes() + back * 1440;
    const week = Math.floor((day.getUTCDate() - 1) / 7) + 1;
    const last = new Date(Date.UTC(day.getUTCFullYear(), day.getUTCMonth() + 1, 0)).getUTCDate();
    const isLast = day.getUTCDate() + 7 > last;
    const month = day.getUTCMonth() + 1;
    if (isLast) all.push(`${month}.5.${day.getUTCDay()}.${minute}`);
    all.push(`${month}.${week}.${day.getUTCDay()}.${minute}`);
  }
  return all;
}

function ruleOf(zone) {
  const offsetAt = offsetReader(zone);
  const years = YEARS.map((year) => changes(offsetAt, year));
  const standard = offsetAt(Date.UTC(2030, 0, 1));
  if (years.every((list) => list.length === 0)) return `${standard}`;
  const common = (i) =>
    years
      .map((list) => (list.length === 2 ? forms(list[i]) : []))
      .reduce((a, b) => a.filter((form) => b.includes(form)))[0];
  const first = common(0);
  const second = common(1);
  if (first === undefined || second === undefined) return null;
  const [, before, after] = years[0][0];
  return `${before} ${after} ${first} ${second}`;
}

const names = [...new Set([...Intl.supportedValuesOf("timeZone"), ...ALIASES])].sort();
const byRule = new Map();
for (const name of names) {
  const rule = ruleOf(name);
  if (rule === null) {
    console.log(`left out, its changes follow no such rule: ${name}`);
    continue;
  }
  byRule.set(rule, [...(byRule.get(rule) ?? []), name]);
}
// RULE;REGION:NAME,NAME;REGION:NAME…\n
let text = "";
for (const [rule, members] of [...byRule].sort(([a], [b]) => (a < b ? -1 : 1))) {
  const regions = new Map();
  for (const name of members) {
    const slash = name.lastIndexOf("/");
    const region = name.slice(0, Math.max(slash, 0));
    regions.set(region, [...(regions.get(region) ?? []), name.slice(slash + 1)]);
  }
  text += rule;
  for (const [region, list] of regions) text += `;${region}:${list.join(",")}`;
  text += "\n";
}
const bytes = [...new TextEncoder().encode(text)];
const lines = [];
for (let i = 0; i < bytes.length; i += 24) lines.push(`  ${bytes.slice(i, i + 24).join(", ")},`);
writeFileSync(
  new URL("../generated/zones.ts", import.meta.url),
  `// Made by filter/cel/generate-zones.mjs from time zone data ${process.versions.tz}; do not edit.

/** Lines of \`RULE;REGION:NAME,NAME;REGION:NAME\`, the rule as time zones.ts explains. */
export const ZONES: StaticArray<u8> = [
${lines.join("\n")}
];
`,
);
console.log(`${names.length} names, ${byRule.size} rules, ${bytes.length} bytes`);
