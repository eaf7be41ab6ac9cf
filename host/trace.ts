// What happened between host and guest, call by call.

import { BufferType, DataStatus, HeaderMapType, HeadersStatus, LogLevel, Status } from "./abi.ts";

export interface TraceEntry {
  /** `enter`: the host calls the guest; `leave`: the guest has answered; `host`: the guest calls the host. */
  kind: "enter" | "leave" | "host";
  name: string;
  args: ReadonlyArray<number | bigint | string>;
  /** The guest's answer, or the host call's status. */
  result?: number | undefined;
  /** What a host call brought back, as text. */
  value?: string | undefined;
}

const MAX_VALUE = 200;

/** One readable line. */
export function formatTrace(entry: TraceEntry): string {
  const args = entry.args.map((each) => (typeof each === "string" ? quote(each) : String(each)));
  if (entry.kind === "enter") return `→ ${entry.name}(${args.join(", ")})`;
  if (entry.kind === "leave") {
    return `← ${entry.result === undefined ? "" : answer(entry.name, entry.result)}`;
  }
  const status = entry.result === undefined ? "" : ` = ${Status[entry.result] ?? entry.result}`;
  const value = entry.value === undefined ? "" : ` ${quote(entry.value)}`;
  return `    ${entry.name}(${argumentNames(entry.name, args).join(", ")})${status}${value}`;
}

function answer(name: string, result: number): string {
  if (/_(request|response)_headers$/.test(name)) return HeadersStatus[result] ?? String(result);
  if (/_(request|response)_body$/.test(name)) return DataStatus[result] ?? String(result);
  return String(result);
}

/** The first argument of many calls is an enum. */
function argumentNames(name: string, args: string[]): string[] {
  const [first, ...rest] = args;
  if (first === undefined) return args;
  const number = Number(first);
  if (name.includes("header_map")) return [HeaderMapType[number] ?? first, ...rest];
  if (name.includes("buffer")) return [BufferType[number] ?? first, ...rest];
  if (name === "proxy_log") return [LogLevel[number] ?? first, ...rest];
  return args;
}

function quote(text: string): string {
  const short = text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : text;
  return JSON.stringify(short);
}
