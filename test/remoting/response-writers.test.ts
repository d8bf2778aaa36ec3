import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { messageIdOf } from '../../src/layout/message-id.ts';
import { encodeHost } from '../../src/layout/message-record.ts';
import { ResponseCode } from '../../src/remoting/codes.ts';
import { DURABILITY_STAGES } from '../../src/remoting/durability-stage.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { PULL_STATUSES, PullResponseWriter } from '../../src/remoting/pull-response-writer.ts';
import { SendResponseWriter } from '../../src/remoting/send-response-template.ts';

const AT = 5;
const numbers = [0, 9, 10, 99, 1_000_000_000, 4_294_967_296, Number.MAX_SAFE_INTEGER];

describe.each([0, 1] as const)('SendResponseWriter in serialization %d', (serializeType) => {
  it.each(['127.0.0.1', 'fe80::1:2:3:4'])('writes what the general path reads, storeHost %s', (address) => {
    const storeHost = encodeHost(address, 10911);
    const writer = new SendResponseWriter(serializeType, storeHost, 'Région"1', false);
    for (const id of ['', 'FD00000000000000000000000000000224CC5FFD2B27721F48AA0000', 'a"b\\c\u0001\u001f\u007f é😀']) {
      const transactionId = Buffer.from(`..${id}..`);
      for (const durability of DURABILITY_STAGES) {
        for (const offset of numbers) {
          const into = Buffer.alloc(AT + writer.sizeMax(transactionId.length - 4), 0xaa);
          const size = writer.write(
            into,
            AT,
            -7,
            ResponseCode.FLUSH_DISK_TIMEOUT,
            3,
            offset,
            offset,
            transactionId,
            2,
            transactionId.length - 2,
            durability,
          );
          const response = decodeFrame(into, AT, AT + size);
          expect(response).toMatchObject({
            code: 10,
            flag: 1,
            opaque: -7,
            language: 'JAVA',
            version: 479,
            remark: null,
            body: null,
            serializeType,
          });
          expect(Object.fromEntries(response.extFields!)).toEqual({
            MSG_REGION: 'Région"1',
            TRACE_ON: 'false',
            durability,
            msgId: messageIdOf(storeHost, offset),
            queueId: '3',
            queueOffset: String(offset),
            ...(id === '' ? {} : { transactionId: id }),
          });
          expect(into.subarray(0, AT)).toEqual(Buffer.alloc(AT, 0xaa));
        }
      }
    }
  });

  it('writes each answer as if it were the first, whatever came before', () => {
    const storeHost = encodeHost('127.0.0.1', 10911);
    const answer = fc.record({
      // Few values, so that answers meet others that they are nearly like.
      opaque: fc.oneof(fc.constantFrom(8, 9, 10, 12, -9), fc.integer()),
      code: fc.constantFrom(ResponseCode.SUCCESS, ResponseCode.FLUSH_DISK_TIMEOUT),
      queueId: fc.integer({ min: 0, max: 12 }),
      queueOffset: fc.oneof(fc.constantFrom(8, 9, 10, 12), fc.maxSafeNat()),
      logOffset: fc.maxSafeNat(),
      // Of the same length, of the same length when escaped, and of others.
      id: fc.constantFrom('', 'ABCDEFG', 'ABCDEFH', 'ABCDEF"', 'AB\\DE"', 'ABCDEFGH'),
      durability: fc.constantFrom(...DURABILITY_STAGES.slice(0, 2)),
    });
    const write = (
      writer: SendResponseWriter,
      { id, ...of }: typeof answer extends fc.Arbitrary<infer A> ? A : never,
    ) => {
      const text = Buffer.from(id);
      const into = Buffer.alloc(AT + writer.sizeMax(text.length), 0xaa);
      const { opaque, code, queueId, queueOffset, logOffset, durability } = of;
      const to = text.length;
      const size = writer.write(into, AT, opaque, code, queueId, queueOffset, logOffset, text, 0, to, durability);
      expect(into.subarray(0, AT)).toEqual(Buffer.alloc(AT, 0xaa));
      return into.subarray(AT, AT + size).toString('latin1');
    };
    fc.assert(
      fc.property(fc.array(answer, { minLength: 2, maxLength: 20 }), (answers) => {
        const writer = new SendResponseWriter(serializeType, storeHost, 'DefaultRegion', true);
        for (const one of answers) {
          const first = new SendResponseWriter(serializeType, storeHost, 'DefaultRegion', true);
          expect(write(writer, one)).toBe(write(first, one));
        }
      }),
      { numRuns: 500 },
    );
  });

  it('fits the room it asks for at worst', () => {
    const writer = new SendResponseWriter(serializeType, encodeHost('::1', 65535), 'DefaultRegion', true);
    const worst = Buffer.alloc(100, 1);
    const into = Buffer.alloc(writer.sizeMax(worst.length));
    const size = writer.write(
      into,
      0,
      -2_147_483_648,
      12,
      -2_147_483_648,
      Number.MAX_SAFE_INTEGER,
      Number.MAX_SAFE_INTEGER,
      worst,
      0,
      worst.length,
      'replicated',
    );
    expect(size).toBeLessThanOrEqual(into.length);
    expect(decodeFrame(into, 0, size).extFields!.get('transactionId')).toBe(worst.toString());
  });
});

describe.each([0, 1] as const)('PullResponseWriter in serialization %d', (serializeType) => {
  const writer = new PullResponseWriter(serializeType);

  it.each(PULL_STATUSES)('writes the head of %s', (status) => {
    const body = Buffer.from('records');
    for (const offset of [...numbers, -1]) {
      const into = Buffer.alloc(AT + writer.sizeMax, 0xaa);
      const size = writer.write(into, AT, 2_147_483_647, 21, status, offset, 0, offset, 1, body.length);
      expect(size).toBeLessThanOrEqual(writer.sizeMax);
      const frame = Buffer.concat([into.subarray(AT, AT + size), body]);
      const response = decodeFrame(frame, 0, frame.length);
      expect(response).toMatchObject({
        code: 21,
        flag: 1,
        opaque: 2_147_483_647,
        version: 479,
        remark: status,
        serializeType,
      });
      expect(Buffer.from(response.body!)).toEqual(body);
      expect(Object.fromEntries(response.extFields!)).toEqual({
        nextBeginOffset: String(offset),
        minOffset: '0',
        maxOffset: String(offset),
        suggestWhichBrokerId: '1',
        topicSysFlag: '0',
        groupSysFlag: '0',
      });
    }
  });
});
