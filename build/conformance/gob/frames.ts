/** The frames that the Go programs write: a 32-bit big-endian length and as many bytes. */
export function readFrames(output: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < output.length;) {
    const length = output.readUInt32BE(at);
    frames.push(output.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return frames;
}

export function frame(content: Uint8Array): Uint8Array {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([length, content]);
}
