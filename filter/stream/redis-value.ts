// A reply of Redis as expressions have it: text is a string (bytes where it is not UTF-8), an integer an
// int, nil null, an array a list. An error inside an array is null: Redis itself sends one only for a
// command of a transaction.

import { Arena } from "../bytes/arena";
import { Span } from "../bytes/span";
import { isValid } from "../bytes/utf8";
import { chargeBytes, Kind, Value } from "../cel/index";
import { push, startList } from "../cel/value";
import { Reader, Kind as ReplyKind } from "../resp/reply";

const reader = new Reader();

/** The value of a reply that is one (`isReply`); false when memory or the budget is used up. Texts stay
 * where they are; lists are made in `arena`. */
export function valueOfReply(reply: Span, out: Value, arena: Arena): bool {
  reader.open(reply);
  return read(out, arena);
}

function read(out: Value, arena: Arena): bool {
  if (!reader.next()) return false;
  switch (reader.kind) {
    case ReplyKind.Simple:
      out.setText(reader.text);
      return true;
    case ReplyKind.Bulk:
      if (!chargeBytes((reader.text >>> 32) as i32)) return false;
      out.set(isValid(reader.text) ? Kind.String : Kind.Bytes, reader.text);
      return true;
    case ReplyKind.Integer:
      out.setInt(reader.integer);
      return true;
    case ReplyKind.Array: {
      const n = reader.count;
      if (!startList(out, n, arena)) return false;
      for (let i = 0; i < n; i++) if (!read(push(out), arena)) return false;
      return true;
    }
    default:
      out.setNull();
      return true;
  }
}
