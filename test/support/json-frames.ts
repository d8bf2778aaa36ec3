/** Frames with JSON headers that no encoder of ours writes. */

/** The frame without one member of its header. */
export function withoutMember(frame: Uint8Array, member: string): Buffer {
  const bytes = Buffer.from(frame);
  const headerEnd = 8 + bytes.readInt32BE(4);
  const header = JSON.parse(bytes.toString('utf8', 8, headerEnd)) as Record<string, unknown>;
  delete header[member];
  return jsonFrame(JSON.stringify(header), bytes.subarray(headerEnd));
}

export function jsonFrame(header: string, body: Uint8Array = new Uint8Array(0)): Buffer {
  const text = Buffer.from(header);
  const lengths = Buffer.alloc(8);
  lengths.writeInt32BE(4 + text.length + body.length, 0);
  lengths.writeInt32BE(text.length, 4);
  return Buffer.concat([lengths, text, body]);
}
