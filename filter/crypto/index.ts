// The public face of the digests and of the texts they are written in. Base 64 and hex have functions
// of the same names: import those files as namespaces.

export { crc32, crc32Of } from "./crc32";
export { blockSize, DIGEST_MAX, digestSize, Hasher, HashKind } from "./hasher";
export { equalInConstantTime, hmac } from "./hmac";
