// Counting requests that no limit refuses: all together, and apart by a header of a hundred values.

import { type Contender, HEADERS, NONE, native, ours, type Scenario } from "./contenders.ts";

const A_DAY = 86_400;
/** Never reached. */
const LIMIT = 1_000_000;
const KEYS = 100;

const bucket = { max_tokens: LIMIT, tokens_per_fill: LIMIT, fill_interval: `${A_DAY}s` };
const always = { default_value: { numerator: 100, denominator: "HUNDRED" } };

function localRatelimit(name: string, further: object): Contender {
  const limit = native("local_ratelimit", "local_ratelimit.v3.LocalRateLimit", {
    ...{ stat_prefix: "limit", token_bucket: bucket },
    ...{ filter_enabled: always, filter_enforced: always },
    ...further,
  });
  return { ...limit, name };
}

/** For each value of the header a bucket, made when it first comes. */
const byHeader = {
  rate_limits: [
    { actions: [{ request_headers: { header_name: "x-key", descriptor_key: "key" } }] },
  ],
  descriptors: [{ entries: [{ key: "key" }], token_bucket: bucket }],
  max_dynamic_descriptors: 1000,
};

function limited(wasm: string, name: string, further: object): Contender {
  const rateLimit = { limit: `${LIMIT}/1d`, scope: "proxy", ...further };
  return ours(wasm, { rules: [{ request: [{ rateLimit }] }] }, name);
}

const key = "$(request.headers['x-key'])";

function scenario(
  name: string,
  title: string,
  contenders: (wasm: string) => Contender[],
): Scenario {
  return {
    ...{ name, title, contenders: (wasm) => [NONE, ...contenders(wasm)] },
    request: { path: "/small", headers: HEADERS },
    vary: (rule) => ({ headers: { "x-key": `client-${rule % KEYS}` } }),
    count: 4000,
    verify: ({ status }) => {
      if (status !== 200) throw new Error(`answered ${status}`);
    },
  };
}

export const rateLimits: Scenario[] = [
  scenario("ratelimit", `a limit that is never reached; by key: ${KEYS} keys`, (wasm) => [
    localRatelimit("local_ratelimit", {}),
    limited(wasm, "ruleway", { headers: "none" }),
    localRatelimit("local_rl by key", byHeader),
    limited(wasm, "ruleway by key", { key, headers: "none" }),
  ]),
  scenario("ratelimit-headers", "the same, and headers that say what is left", (wasm) => [
    localRatelimit("local_rl by key", {
      ...byHeader,
      enable_x_ratelimit_headers: "DRAFT_VERSION_03",
    }),
    limited(wasm, "ruleway by key", { key, headers: "x-ratelimit" }),
  ]),
];
