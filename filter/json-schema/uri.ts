// References between schemas as RFC 3986 5.2 resolves them. For configuring only: strings.

/** The reference, taken from `base`, without its fragment. */
export function resolve(base: string, reference: string): string {
  const text = withoutFragment(reference);
  if (text.length == 0) return base;
  if (schemeSize(text) > 0) return text;
  const size = schemeSize(base);
  const scheme = base.substring(0, size);
  const rest = base.substring(size);
  if (text.startsWith("//")) return scheme + text;
  const hasAuthority = rest.startsWith("//");
  let pathAt = hasAuthority ? rest.indexOf("/", 2) : 0;
  if (pathAt < 0) pathAt = rest.length;
  const authority = rest.substring(0, pathAt);
  let path = rest.substring(pathAt);
  const query = path.indexOf("?");
  if (query >= 0) path = path.substring(0, query);
  if (text.charCodeAt(0) == 0x3f) return scheme + authority + path + text;
  const cut = text.indexOf("?");
  const newPath = cut < 0 ? text : text.substring(0, cut);
  const newQuery = cut < 0 ? "" : text.substring(cut);
  if (newPath.startsWith("/")) return scheme + authority + withoutDots(newPath) + newQuery;
  const folder = path.substring(0, path.lastIndexOf("/") + 1);
  const joined = hasAuthority && path.length == 0 ? "/" + newPath : folder + newPath;
  return scheme + authority + withoutDots(joined) + newQuery;
}

export function withoutFragment(reference: string): string {
  const hash = reference.indexOf("#");
  return hash < 0 ? reference : reference.substring(0, hash);
}

/** The fragment without its `#`; empty when there is none. */
export function fragmentOf(reference: string): string {
  const hash = reference.indexOf("#");
  return hash < 0 ? "" : reference.substring(hash + 1);
}

/** Size of `scheme:`, or 0. */
function schemeSize(text: string): i32 {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c == 0x3a) return i == 0 ? 0 : i + 1;
    const isLetter = (c | 0x20) >= 0x61 && (c | 0x20) <= 0x7a;
    const isOther = (c >= 0x30 && c <= 0x39) || c == 0x2b || c == 0x2d || c == 0x2e;
    if (!isLetter && (i == 0 || !isOther)) return 0;
  }
  return 0;
}

function withoutDots(path: string): string {
  const parts = path.split("/");
  const kept: string[] = [];
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i];
    const isLast = i == parts.length - 1;
    if (part == "." || part == "..") {
      if (part == ".." && kept.length > 1) kept.pop();
      if (isLast) kept.push("");
    } else {
      kept.push(part);
    }
  }
  return kept.join("/");
}

/** `%xx` undone, as UTF-8; as it stands where that makes no text. */
export function percentDecoded(text: string): string {
  if (text.indexOf("%") < 0) return text;
  const bytes: u8[] = [];
  const source = Uint8Array.wrap(String.UTF8.encode(text));
  for (let i = 0; i < source.length; i++) {
    const isEscape = source[i] == 0x25 && i + 2 < source.length;
    const high = isEscape ? hexValue(source[i + 1]) : -1;
    const low = isEscape ? hexValue(source[i + 2]) : -1;
    if (high >= 0 && low >= 0) {
      bytes.push(((high << 4) | low) as u8);
      i += 2;
    } else {
      bytes.push(source[i]);
    }
  }
  return String.UTF8.decodeUnsafe(bytes.dataStart, bytes.length);
}

function hexValue(c: u32): i32 {
  if (c >= 0x30 && c <= 0x39) return c - 0x30;
  const letter = c | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
