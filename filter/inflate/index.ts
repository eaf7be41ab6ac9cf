// The public face of the decoder for compressed bodies.

export { Coding, Decoder, Status, UNLIMITED } from "./decoder";
