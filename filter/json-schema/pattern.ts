// Patterns of JSON Schema are ECMA-262 regular expressions; ours are RE2, in linear time. What both
// have is nearly the same text: `\uXXXX` and long names of Unicode properties are rewritten here,
// and what RE2 has not gets a message that says so.

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { fromString, toString } from "../bytes/text";
import { errorOffset, errorText, Regex } from "../regex/index";
import * as problem from "./problem";

/** Long names of general categories and their short ones (Unicode, PropertyValueAliases). */
const CATEGORIES =
  " Letter:L Cased_Letter:LC Uppercase_Letter:Lu Lowercase_Letter:Ll Titlecase_Letter:Lt" +
  " Modifier_Letter:Lm Other_Letter:Lo Mark:M Combining_Mark:M Nonspacing_Mark:Mn" +
  " Spacing_Mark:Mc Enclosing_Mark:Me Number:N Decimal_Number:Nd digit:Nd Letter_Number:Nl" +
  " Other_Number:No Punctuation:P punct:P Connector_Punctuation:Pc Dash_Punctuation:Pd" +
  " Open_Punctuation:Ps Close_Punctuation:Pe Initial_Punctuation:Pi Final_Punctuation:Pf" +
  " Other_Punctuation:Po Symbol:S Math_Symbol:Sm Currency_Symbol:Sc Modifier_Symbol:Sk" +
  " Other_Symbol:So Separator:Z Space_Separator:Zs Line_Separator:Zl Paragraph_Separator:Zp" +
  " Other:C Control:Cc cntrl:Cc Format:Cf Surrogate:Cs Private_Use:Co ";

/** The pattern that finds what the text finds; null, with the problem at `node`, when there is
 * none. */
export function compilePattern(text: Span, node: i32, arena: Arena): Regex | null {
  const source = toString(text);
  const regex = Regex.compile(fromString(rewritten(source), arena), 0);
  if (regex != null) return regex;
  const reason = missing(source);
  if (reason != "") problem.add(node, reason + "; patterns are RE2 syntax, in linear time");
  else problem.add(node, "not a pattern (RE2 syntax): " + errorText(), errorOffset());
  return null;
}

/** What of ECMA-262 the pattern uses that RE2 has not, in words. */
function missing(source: string): string {
  for (let i = 0; i < source.length; i++) {
    const c = source.charCodeAt(i);
    if (c == 0x5c) {
      const next = i + 1 < source.length ? source.charCodeAt(i + 1) : 0;
      if ((next >= 0x31 && next <= 0x39) || next == 0x6b)
        return "back-references are not supported";
      i++;
    } else if (c == 0x28) {
      const rest = source.substr(i, 4);
      if (rest.startsWith("(?=") || rest.startsWith("(?!")) return "look-ahead is not supported";
      if (rest == "(?<=" || rest == "(?<!") return "look-behind is not supported";
    }
  }
  return "";
}

function rewritten(source: string): string {
  if (source.indexOf("\\") < 0 && source.indexOf("[") < 0) return source;
  let out = "";
  let inClass = false;
  for (let i = 0; i < source.length; ) {
    const c = source.charCodeAt(i);
    if (c == 0x5c && i + 1 < source.length) {
      const size = escapeSize(source, i);
      out += rewrittenEscape(source.substr(i, size));
      i += size;
      continue;
    }
    if (!inClass && source.substr(i, 3) == "[^]") {
      out += "(?s:.)";
      i += 3;
      continue;
    }
    // A bracket inside a class is a literal here, and could begin `[:alpha:]` there.
    if (c == 0x5b && inClass) out += "\\[";
    else out += source.charAt(i);
    if (c == 0x5b) inClass = true;
    else if (c == 0x5d) inClass = false;
    i++;
  }
  return out;
}

/** UTF-16 units of the escape at `i`. */
function escapeSize(source: string, i: i32): i32 {
  const c = source.charCodeAt(i + 1);
  const hasBrace = source.charAt(i + 2) == "{";
  if (hasBrace && (c == 0x75 || (c | 0x20) == 0x70)) {
    const end = source.indexOf("}", i);
    return end < 0 ? 2 : end + 1 - i;
  }
  if (c == 0x63) return 3;
  if (c != 0x75) return 2;
  const unit = i32(parseInt(source.substr(i + 2, 4), 16));
  const isPair = (unit & 0xfc00) == 0xd800 && source.substr(i + 6, 2) == "\\u";
  return isPair ? 12 : 6;
}

function rewrittenEscape(escape: string): string {
  const c = escape.charCodeAt(1);
  if (c == 0x75) {
    if (escape.charAt(2) == "{") return "\\x" + escape.substr(2);
    if (escape.length < 12) return "\\x{" + escape.substr(2) + "}";
    const high = i32(parseInt(escape.substr(2, 4), 16));
    const low = i32(parseInt(escape.substr(8, 4), 16));
    const point = 0x10000 + ((high & 0x3ff) << 10) + (low & 0x3ff);
    return "\\x{" + point.toString(16) + "}";
  }
  if (c == 0x63 && escape.length == 3)
    return "\\x{" + (escape.charCodeAt(2) & 31).toString(16) + "}";
  if ((c | 0x20) != 0x70 || escape.length < 4) return escape;
  let name = escape.substring(3, escape.length - 1);
  const equals = name.indexOf("=");
  if (equals >= 0) name = name.substr(equals + 1);
  const at = CATEGORIES.indexOf(" " + name + ":");
  if (at >= 0) {
    const from = at + name.length + 2;
    name = CATEGORIES.substring(from, CATEGORIES.indexOf(" ", from));
  }
  return escape.substr(0, 2) + "{" + name + "}";
}
