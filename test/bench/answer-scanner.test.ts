import fc from 'fast-check';
import { expect, it } from 'vitest';
import { AnswerScanner } from '../../src/bench/answer-scanner.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../src/layout/remoting-frame.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame, encodeFrame, responseTo } from '../../src/remoting/frame-codec.ts';
import { SendResponseWriter } from '../../src/remoting/send-response-template.ts';

const text = fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('"code":7', '\\', '{"opaque":1', '",', '}'));
const answers = fc
  .record({
    code: fc.integer({ min: -0x8000, max: 0x7fff }),
    opaque: fc.integer({ min: -0x80000000, max: 0x7fffffff }),
    serializeType: fc.constantFrom(SERIALIZE_JSON, SERIALIZE_ROCKETMQ),
    remark: fc.option(text),
    fields: fc.array(fc.tuple(fc.oneof(text, fc.constantFrom('code', 'opaque')), text)),
    body: fc.option(fc.uint8Array({ minLength: 1, maxLength: 20 })),
  })
  .map(({ code, opaque, serializeType, remark, fields, body }) =>
    encodeFrame(responseTo({ opaque, serializeType }, code, remark, new Map(fields), body)),
  );

function expectScanned(scanner: AnswerScanner, frame: Uint8Array, expected: RemotingCommand): void {
  scanner.scan(frame, 0, frame.length);
  expect({ code: scanner.code, opaque: scanner.opaque }).toEqual({ code: expected.code, opaque: expected.opaque });
  expect(frame.length - scanner.bodyStart).toBe(expected.body?.length ?? 0);
}

it('reads code and opaque of any answers as the general codec does, whatever came before', () => {
  fc.assert(
    fc.property(fc.array(answers, { minLength: 1, maxLength: 5 }), (frames) => {
      const scanner = new AnswerScanner();
      for (const frame of [...frames, ...frames]) expectScanned(scanner, frame, decodeFrame(frame, 0, frame.length));
    }),
    { numRuns: 500 },
  );
});

it("reads RingMQ's own answers to sends", () => {
  const scanner = new AnswerScanner();
  const nothing = new Uint8Array(0);
  for (const serializeType of [SERIALIZE_JSON, SERIALIZE_ROCKETMQ] as const) {
    const writer = new SendResponseWriter(serializeType, new Uint8Array(8), 'DefaultRegion', true);
    const frame = new Uint8Array(writer.sizeMax(0));
    for (const [opaque, code] of [
      [100_000_000, 0],
      [100_000_007, 10],
      [5, 0],
    ] as const) {
      const size = writer.write(frame, 0, opaque, code, 3, 4_711, 99_999, nothing, 0, 0, 'written');
      expectScanned(scanner, frame.slice(0, size), decodeFrame(frame, 0, size));
    }
  }
});

it.each(['{"code":0}', '{"code":0,"opaque":1', '[]'])('refuses %s', (header) => {
  const bytes = Buffer.from(header);
  const frame = Buffer.alloc(8 + bytes.length);
  frame.writeInt32BE(4 + bytes.length, 0);
  frame.writeInt32BE(bytes.length, 4);
  bytes.copy(frame, 8);
  expect(() => new AnswerScanner().scan(frame, 0, frame.length)).toThrow('answer');
});
