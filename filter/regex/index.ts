// The regex engine's public face: RE2 syntax over bytes, in time linear in the haystack.

export { errorCode, errorOffset, errorText } from "./problem";
export { quote } from "./quote";
export { Regex, TOO_COSTLY } from "./regex";
export { beginCallback, beginLimit, effort, endLimit, isCut } from "./scratch";
export { failedPattern, RegexSet } from "./set";
export { MIN_WINDOW, StreamReplacer } from "./stream";
export { Flag } from "./syntax";
export { Notation, Template, Unknown } from "./template";
