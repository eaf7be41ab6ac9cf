// SHA-1 (FIPS 180-4 6.1), for signatures that still ask for it.

/** The message schedule of the block at hand. */
const schedule: usize = memory.data(80 * 4, 8);

/** FIPS 180-4 5.3.1. The first four words are also where MD5 starts (RFC 1321 3.3). */
export function start(state: usize): void {
  store<u32>(state, 0x67452301);
  store<u32>(state, 0xefcdab89, 4);
  store<u32>(state, 0x98badcfe, 8);
  store<u32>(state, 0x10325476, 12);
  store<u32>(state, 0xc3d2e1f0, 16);
}

/** FIPS 180-4 6.1.2, step 1. */
function expand(block: usize): void {
  for (let at: usize = 0; at < 64; at += 4) {
    store<u32>(schedule + at, bswap<u32>(load<u32>(block + at)));
  }
  for (let at = schedule + 64; at < schedule + 320; at += 4) {
    const mixed = load<u32>(at - 12) ^ load<u32>(at - 32) ^ load<u32>(at - 56) ^ load<u32>(at - 64);
    store<u32>(at, rotl<u32>(mixed, 1));
  }
}

/** Takes 64 bytes at `block` into the five words at `state`. */
export function compress(state: usize, block: usize): void {
  expand(block);
  let a = load<u32>(state);
  let b = load<u32>(state, 4);
  let c = load<u32>(state, 8);
  let d = load<u32>(state, 12);
  let e = load<u32>(state, 16);
  for (let i = 0; i < 80; i++) {
    let mixed: u32;
    if (i < 20) mixed = (d ^ (b & (c ^ d))) + 0x5a827999;
    else if (i < 40) mixed = (b ^ c ^ d) + 0x6ed9eba1;
    else if (i < 60) mixed = ((b & c) | (d & (b | c))) + 0x8f1bbcdc;
    else mixed = (b ^ c ^ d) + 0xca62c1d6;
    const to = rotl<u32>(a, 5) + mixed + e + load<u32>(schedule + (i << 2));
    e = d;
    d = c;
    c = rotl<u32>(b, 30);
    b = a;
    a = to;
  }
  store<u32>(state, load<u32>(state) + a);
  store<u32>(state, load<u32>(state, 4) + b, 4);
  store<u32>(state, load<u32>(state, 8) + c, 8);
  store<u32>(state, load<u32>(state, 12) + d, 12);
  store<u32>(state, load<u32>(state, 16) + e, 16);
}
