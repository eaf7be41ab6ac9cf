// MD5 (RFC 1321), for what was agreed long ago: digests of keys, ETags, old signatures. It resists
// no attacker who may choose the message.

/** T[i] = floor(2^32 * |sin(i + 1)|), 64 words (RFC 1321 3.4). */
const T: usize = memory.data(256, 8);

/** Turns (sin, cos) by one radian 64 times. Doubles round alike everywhere; the error stays below
 * 2e-5 in units of T, and no value of T lies closer than 0.015 to an integer. */
function fillTable(): void {
  const sin1 = 0.8414709848078965;
  const cos1 = 0.5403023058681398;
  let sin = sin1;
  let cos = cos1;
  for (let i = 0; i < 64; i++) {
    store<u32>(T + (i << 2), (abs(sin) * 4294967296.0) as u32);
    const next = sin * cos1 + cos * sin1;
    cos = cos * cos1 - sin * sin1;
    sin = next;
  }
}
fillTable();

/** Takes 64 bytes at `block` into the four words at `state`. */
export function compress(state: usize, block: usize): void {
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  for (let i = 0; i < 64; i++) {
    let mixed: u32;
    let word: i32; // of the block, round about
    let amounts: u32; // of rotation, four in turn; rotl looks at the lowest five bits
    if (i < 16) {
      mixed = d ^ (b & (c ^ d));
      word = i;
      amounts = 0x16110c07;
    } else if (i < 32) {
      mixed = c ^ (d & (b ^ c));
      word = 5 * i + 1;
      amounts = 0x140e0905;
    } else if (i < 48) {
      mixed = b ^ c ^ d;
      word = 3 * i + 5;
      amounts = 0x17100b04;
    } else {
      mixed = c ^ (b | ~d);
      word = 7 * i;
      amounts = 0x150f0a06;
    }
    const sum = a + mixed + load<u32>(block + ((word & 15) << 2)) + load<u32>(T + (i << 2));
    const to = b + rotl<u32>(sum, amounts >>> ((i & 3) << 3));
    a = d;
    d = c;
    c = b;
    b = to;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
}
