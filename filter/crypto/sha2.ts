// SHA-256, SHA-384 and SHA-512 (FIPS 180-4 6.2 to 6.5). One function serves words of 32 and of 64
// bits: both are the same but for the amounts of rotation and the number of steps, and the constants
// of the shorter are the high halves of those of the longer.

/** The first 64 bits of the fractional parts of the cube roots of the first 80 primes (4.2.3). */
const K: usize = memory.data<u64>([
  0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
  0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
  0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
  0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
  0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
  0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
  0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
  0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
  0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
  0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
  0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
  0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
  0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
  0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
  0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
  0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
  0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
  0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
  0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
  0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
]);

/** The same of the square roots of the first 16 primes: where SHA-512 starts (5.3.5), whose high
 * halves are where SHA-256 starts (5.3.3), then where SHA-384 does (5.3.4). */
const ROOTS: usize = memory.data<u64>([
  0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
  0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
  0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17, 0x152fecd8f70e5939,
  0x67332667ffc00b31, 0x8eb44a8768581511, 0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
]);

/** The message schedule of the block at hand. */
const schedule: usize = memory.data(80 * 8, 8);

export function start256(state: usize): void {
  for (let i: usize = 0; i < 8; i++) store<u32>(state + (i << 2), load<u32>(ROOTS + (i << 3), 4));
}

export function start384(state: usize): void {
  memory.copy(state, ROOTS + 64, 64);
}

export function start512(state: usize): void {
  memory.copy(state, ROOTS, 64);
}

/** sigma0 of 4.1.2 and 4.1.3. */
function sigma0<T>(x: T): T {
  if (sizeof<T>() == 8) return rotr<T>(x, 1) ^ rotr<T>(x, 8) ^ (x >>> 7);
  return rotr<T>(x, 7) ^ rotr<T>(x, 18) ^ (x >>> 3);
}

/** sigma1. */
function sigma1<T>(x: T): T {
  if (sizeof<T>() == 8) return rotr<T>(x, 19) ^ rotr<T>(x, 61) ^ (x >>> 6);
  return rotr<T>(x, 17) ^ rotr<T>(x, 19) ^ (x >>> 10);
}

/** Sigma0. */
function sum0<T>(x: T): T {
  if (sizeof<T>() == 8) return rotr<T>(x, 28) ^ rotr<T>(x, 34) ^ rotr<T>(x, 39);
  return rotr<T>(x, 2) ^ rotr<T>(x, 13) ^ rotr<T>(x, 22);
}

/** Sigma1. */
function sum1<T>(x: T): T {
  if (sizeof<T>() == 8) return rotr<T>(x, 14) ^ rotr<T>(x, 18) ^ rotr<T>(x, 41);
  return rotr<T>(x, 6) ^ rotr<T>(x, 11) ^ rotr<T>(x, 25);
}

/** Word `i` of words of type T. */
function word<T>(base: usize, i: usize): T {
  return load<T>(base + i * sizeof<T>());
}

/** FIPS 180-4 6.2.2 and 6.4.2, step 1. */
function expand<T>(block: usize, steps: usize): void {
  for (let i: usize = 0; i < 16; i++) {
    store<T>(schedule + i * sizeof<T>(), bswap<T>(word<T>(block, i)));
  }
  for (let i: usize = 16; i < steps; i++) {
    const near = sigma1<T>(word<T>(schedule, i - 2)) + word<T>(schedule, i - 7);
    const far = sigma0<T>(word<T>(schedule, i - 15)) + word<T>(schedule, i - 16);
    store<T>(schedule + i * sizeof<T>(), near + far);
  }
}

/** Adds to word `i` of the state. */
function add<T>(state: usize, i: usize, value: T): void {
  store<T>(state + i * sizeof<T>(), word<T>(state, i) + value);
}

/** Takes 16 words at `block` into the eight words at `state`: of type u32 for SHA-256, else u64. */
export function compress<T>(state: usize, block: usize): void {
  const steps: usize = sizeof<T>() == 8 ? 80 : 64;
  expand<T>(block, steps);
  let a = word<T>(state, 0);
  let b = word<T>(state, 1);
  let c = word<T>(state, 2);
  let d = word<T>(state, 3);
  let e = word<T>(state, 4);
  let f = word<T>(state, 5);
  let g = word<T>(state, 6);
  let h = word<T>(state, 7);
  for (let i: usize = 0; i < steps; i++) {
    // A word of 32 bits is the high half of its constant.
    const k = load<T>(K + (i << 3) + (8 - sizeof<T>()));
    const t1 = h + sum1<T>(e) + (g ^ (e & (f ^ g))) + k + word<T>(schedule, i);
    const t2 = sum0<T>(a) + ((a & b) | (c & (a | b)));
    h = g;
    g = f;
    f = e;
    e = d + t1;
    d = c;
    c = b;
    b = a;
    a = t1 + t2;
  }
  add<T>(state, 0, a);
  add<T>(state, 1, b);
  add<T>(state, 2, c);
  add<T>(state, 3, d);
  add<T>(state, 4, e);
  add<T>(state, 5, f);
  add<T>(state, 6, g);
  add<T>(state, 7, h);
}
