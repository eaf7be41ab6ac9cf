// What a comparison is made of: who takes part in it, what is sent, how the answers are verified.

import { envoyFilter } from "../compiler/targets/envoy.ts";

export const TYPE = "type.googleapis.com/envoy.extensions.filters.http";

export interface Contender {
  name: string;
  filters: object[];
  /** Virtual hosts of its route table. */
  virtualHosts?: object[];
  /** Among how many rules it chooses. */
  rules?: number;
}

export interface Request {
  method?: string;
  path: string;
  headers?: Record<string, string>;
  body?: string;
}

/** Throws when the answer and what the upstream got are not as they must be. */
export type Verify = (
  got: { status: number; body: string },
  upstream: Record<string, string>,
  contender: string,
  rule: number,
) => void;

/** Throws when the last batch of events that the contender has told is not as it must be. */
export type After = (events: unknown[], contender: string) => void;

/** What differs from request to request. */
export interface Variation {
  path?: string;
  headers: Record<string, string>;
}

/** What the second contender takes beyond the first. */
export type Difference = [without: string, with_: string];

export interface Scenario {
  name: string;
  title: string;
  contenders: (wasmPath: string) => Contender[];
  request: Request;
  /** What is different in the request for the rule with that number. */
  vary?: (rule: number) => Variation;
  /** Requests a round; fewer where each costs much. */
  count: number;
  /** How many rounds make up one of the others; more and shorter ones tell small differences better,
   * as neighbours come and go between rounds rather than within. */
  roundsEach?: number;
  verify: Verify;
  /** Another request, which is sent once and not measured. */
  otherwise?: { request: Request; verify: Verify };
  /** Of events that are told at the path of the contender's name: how many came is printed. */
  after?: After;
  /** Printed below the table, each with how many times it goes into the last one. */
  differences?: Difference[];
}

/** What a browser sends. */
export const HEADERS = {
  "user-agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
  accept: "application/json, text/plain, */*",
  "accept-language": "en-GB,en;q=0.8",
  cookie: "sid=0123456789abcdef0123456789abcdef",
  referer: "https://www.example.com/a/b/c",
};

export function ours(wasmPath: string, rules: object, name = "ruleway"): Contender {
  const all = { ruleway: 1, settings: { holdHeaders: true }, ...rules };
  return { name, filters: [envoyFilter(all, { wasmPath })] };
}

export function native(name: string, type: string, config: object): Contender {
  const typed = { "@type": `${TYPE}.${type}`, ...config };
  return { name, filters: [{ name: `envoy.filters.http.${name}`, typed_config: typed }] };
}

export function lua(code: string): Contender {
  return native("lua", "lua.v3.Lua", { default_source_code: { inline_string: code } });
}

export const NONE: Contender = { name: "none", filters: [] };

/** A header to add, as Envoy has it. */
export const add = (key: string, value: string, append_action = "APPEND_IF_EXISTS_OR_ADD") => ({
  append: { header: { key, value }, append_action },
});
