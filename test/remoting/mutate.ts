/** Damaged copies of real frames, for the property tests and the fuzzer of this folder. */
import fc from 'fast-check';

interface Damage {
  readonly at: number;
  readonly kind: 'set' | 'insert' | 'delete' | 'cut';
  readonly value: number;
}

/** Bytes that mean something in headers, or any. */
const byte = fc.oneof(fc.constantFrom(...Buffer.from('"\\{}:,0-u \n')), fc.nat(255));

const damage: fc.Arbitrary<Damage> = fc.record({
  at: fc.nat(),
  kind: fc.constantFrom('set', 'set', 'set', 'insert', 'delete', 'cut'),
  value: byte,
});

/**
 * One of `originals` with up to three bytes changed, added or removed behind the length field, which tells the truth again: a stream
 * that has no frames any more tests only the frame reader.
 */
export function mutationOf(originals: readonly Uint8Array[]): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(...originals), fc.array(damage, { maxLength: 3 }), fc.boolean())
    .map(([original, damages, followHeader]) => {
      let bytes = [...original];
      const lengthBefore = bytes.length;
      for (const { at, kind, value } of damages) {
        const position = 4 + (at % Math.max(1, bytes.length - 4));
        if (kind === 'set') bytes[position] = value;
        else if (kind === 'insert') bytes.splice(position, 0, value);
        else if (kind === 'delete') bytes.splice(position, 1);
        else bytes = bytes.slice(0, position);
      }
      while (bytes.length < 8) bytes.push(0);
      const frame = Buffer.from(bytes);
      frame.writeInt32BE(frame.length - 4, 0);
      // Half of the time the header's length follows what was inserted or deleted, so that the damage is inside the header only.
      if (followHeader) {
        const headerLength = frame.readUIntBE(5, 3) + frame.length - lengthBefore;
        frame.writeUIntBE(Math.min(Math.max(0, headerLength), frame.length - 8), 5, 3);
      }
      return frame;
    });
}
