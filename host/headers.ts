// Header maps: ordered name-value pairs, names in lower case as HTTP/2 and Envoy have them, several
// values to a name; and the ABI's serialised form of them.

export type Headers = Array<[name: string, value: string]>;

const encoder = new TextEncoder();

/** Bytes of a header string. Values are byte strings in HTTP: one character is one byte, unless the
 * string holds characters beyond Latin-1, which then go as UTF-8. */
export function toBytes(text: string): Uint8Array {
  for (let i = 0; i < text.length; i++) {
    if (text.charCodeAt(i) > 0xff) return encoder.encode(text);
  }
  return Uint8Array.from(text, (c) => c.charCodeAt(0));
}

/** The byte string of header bytes. */
export function fromBytes(bytes: Uint8Array): string {
  let text = "";
  for (let i = 0; i < bytes.length; i += 4096) {
    text += String.fromCharCode(...bytes.subarray(i, i + 4096));
  }
  return text;
}

export function getHeader(headers: Headers, name: string): string | undefined {
  const values = headers.filter(([each]) => each === name).map(([, value]) => value);
  return values.length ? values.join(",") : undefined;
}

/** Sets the one value of the name, in the place of its first; further lines go (measured on Envoy 1.40). */
export function setHeader(headers: Headers, name: string, value: string): void {
  const at = headers.findIndex(([each]) => each === name);
  if (at < 0) {
    headers.push([name, value]);
    return;
  }
  headers[at] = [name, value];
  for (let i = headers.length - 1; i > at; i--) {
    if (headers[i]![0] === name) headers.splice(i, 1);
  }
}

export function removeHeader(headers: Headers, name: string): void {
  for (let i = headers.length - 1; i >= 0; i--) {
    if (headers[i]![0] === name) headers.splice(i, 1);
  }
}

/** u32 count; u32 name size and u32 value size for each pair; then each name and value with a NUL. */
export function serializePairs(pairs: ReadonlyArray<readonly [string, string]>): Uint8Array {
  const encoded = pairs.map(([name, value]) => [toBytes(name), toBytes(value)] as const);
  const size = encoded.reduce((n, [name, value]) => n + 10 + name.length + value.length, 4);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, pairs.length, true);
  let at = 4 + pairs.length * 8;
  encoded.forEach(([name, value], i) => {
    view.setUint32(4 + i * 8, name.length, true);
    view.setUint32(8 + i * 8, value.length, true);
    bytes.set(name, at);
    bytes.set(value, at + name.length + 1);
    at += name.length + value.length + 2;
  });
  return bytes;
}

/** The pairs of the serialised form; undefined when it does not add up. */
export function parsePairs(bytes: Uint8Array): Headers | undefined {
  if (bytes.length === 0) return [];
  if (bytes.length < 4) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(0, true);
  if (count * 10 + 4 > bytes.length && count > 0) return undefined;
  const pairs: Headers = [];
  let at = 4 + count * 8;
  for (let i = 0; i < count; i++) {
    const nameSize = view.getUint32(4 + i * 8, true);
    const valueSize = view.getUint32(8 + i * 8, true);
    if (at + nameSize + valueSize + 2 > bytes.length) return undefined;
    const name = fromBytes(bytes.subarray(at, at + nameSize)).toLowerCase();
    const value = fromBytes(bytes.subarray(at + nameSize + 1, at + nameSize + 1 + valueSize));
    pairs.push([name, value]);
    at += nameSize + valueSize + 2;
  }
  return pairs;
}
