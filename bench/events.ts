// Calls told to an ingestion service, in batches: headers, bodies and peers of each, once it is over.

import { type After, HEADERS, lua, NONE, ours, type Scenario } from "./contenders.ts";

const BATCH = 100;
/** Bytes that close a batch, as in ours. */
const BATCH_BYTES = 1 << 20;
/** Milliseconds. */
const AGE = 1000;

/** The same event as Lua can have it: it has no timer, so a batch waits for the next call to go out, and
 * no memory of the stream but its metadata. Bodies are read as they pass, nothing is held back; a batch
 * is a table of strings, joined once; nobody waits for the callout. */
const LUA = `
local escapes = {['"'] = '\\\\"', ['\\\\'] = '\\\\\\\\', ['\\127'] = '\\127'}
for i = 0, 31 do escapes[string.char(i)] = string.format('\\\\u%04x', i) end
local function quote(s) return '"' .. string.gsub(s, '[%c"\\\\]', escapes) .. '"' end
local secret = {authorization = true, ["proxy-authorization"] = true, cookie = true, ["set-cookie"] = true, ["x-api-key"] = true}
local batch, bytes, begun = {}, 0, 0

local function message(h)
  local names, values = {}, {}
  for name, value in pairs(h:headers()) do
    if string.sub(name, 1, 7) ~= "x-envoy" then
      if secret[name] then value = "***" end
      local before = values[name]
      if before then values[name] = before .. ", " .. value
      else names[#names + 1] = name; values[name] = value end
    end
  end
  for i = 1, #names do names[i] = quote(names[i]) .. ":" .. quote(values[names[i]]) end
  local chunks, size = {}, 0
  for chunk in h:bodyChunks() do
    local n = chunk:length()
    if n > 0 and size < 1000000 then chunks[#chunks + 1] = chunk:getBytes(0, math.min(n, 1000000 - size)) end
    size = size + n
  end
  return '{"headers":{' .. table.concat(names, ",") .. '},"body":' .. quote(table.concat(chunks)) .. '}'
end

local function peer(address)
  local ip, port = string.match(address, "^%[?(.-)%]?:(%d+)$")
  return '{"name":"","namespace":"","ip":' .. quote(ip or "") .. ',"port":' .. (port or 0) .. '}'
end

function envoy_on_request(h)
  local request = message(h)
  h:streamInfo():dynamicMetadata():set("events", "request", request)
end

function envoy_on_response(h)
  local response = message(h)
  local info, now = h:streamInfo(), h:timestamp()
  local request = info:dynamicMetadata():get("events")
  if #batch == 0 then begun = now end
  local event = '{"metadata":{"context_id":0,"timestamp":' .. math.floor(now / 1000)
    .. ',"traffic_source_name":"Envoy","traffic_source_version":"","node_name":""},"request":' .. request.request
    .. ',"response":' .. response
    .. ',"source":' .. peer(info:downstreamRemoteAddress())
    .. ',"destination":' .. peer(info:downstreamLocalAddress())
    .. ',"protocol":' .. quote(info:protocol()) .. '}'
  batch[#batch + 1] = event
  bytes = bytes + #event
  if #batch >= ${BATCH} or bytes >= ${BATCH_BYTES} or now - begun >= ${AGE} then
    local body = "[" .. table.concat(batch, ",") .. "]"
    batch, bytes = {}, 0
    h:httpCall("ingestion", {[":method"] = "POST", [":path"] = "/lua", [":authority"] = "ingestion", ["content-type"] = "application/json"}, body, 1000, true)
  end
end`;

const body = JSON.stringify({
  id: 1234567,
  user: { name: "Ada", note: 'she said: "hello"\n' },
  items: Array.from({ length: 130 }, (_, i) => ({
    ...{ sku: `sku-${i}`, quantity: i, price: i * 1.25 },
    ...{ tags: ["a", "b"], ok: true },
  })),
});

interface Told {
  request: { headers: Record<string, string>; body: string };
  response: { body: string };
}

/** The last event that came is what was sent, without what must not leave. */
const after: After = (events, contender) => {
  if (contender === "none") return;
  const { request, response } = events.at(-1) as Told;
  const isWhole = request.body === body && response.body === body;
  if (!isWhole || request.headers["cookie"] !== "***") throw new Error(JSON.stringify(request));
};

export const events: Scenario[] = [
  {
    name: "events",
    title: `${(body.length / 1024).toFixed(1)} KiB each way told to a service, ${BATCH} calls at a time`,
    contenders: (wasm) => [
      NONE,
      lua(LUA),
      ours(wasm, {
        services: { ingestion: { cluster: "ingestion", timeout: "1s" } },
        rules: [
          {
            done: [
              {
                emit: {
                  ...{ service: "ingestion", path: "/ruleway", event: "api" },
                  batch: { count: BATCH, age: `${AGE}ms` },
                },
              },
            ],
          },
        ],
      }),
    ],
    request: {
      ...{ method: "POST", path: "/echo", body },
      headers: { ...HEADERS, "content-type": "application/json" },
    },
    count: 2000,
    verify: (got) => {
      if (got.body !== body) throw new Error(`got ${got.body.length} bytes`);
    },
    after,
  },
];
