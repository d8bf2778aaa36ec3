import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parsePropertiesAt } from '../../src/layout/message-properties.ts';
import { type ExtFields, FrameFlag } from '../../src/remoting/command.ts';
import { encodeFrame, requestOf } from '../../src/remoting/frame-codec.ts';
import { SEND_FIELD_NAMES, SendHeader } from '../../src/remoting/send-header.ts';
import { SendHeaderMemo, SendHeaderMemos } from '../../src/remoting/send-header-memo.ts';
import { scanSendHeader } from '../../src/remoting/send-header-scanner.ts';
import { jsonFrame, withoutMember } from '../support/json-frames.ts';

interface Send {
  readonly code: number;
  readonly opaque: number;
  readonly queueId: number;
  readonly born: number;
  readonly key: string;
  readonly tag: string;
  readonly topic: string;
  readonly flag: number;
  readonly serializeType: 0 | 1;
}

const PLAIN: Send = {
  code: 310,
  opaque: 17,
  queueId: 3,
  born: 1_700_000_000_000,
  key: 'AC1400010F0B7D4991AD2C6C3F5A0001',
  tag: 'TagA',
  topic: 'orders',
  flag: 0,
  serializeType: 0,
};

function frameOf(send: Partial<Send> = {}): Uint8Array {
  const { code, opaque, queueId, born, key, tag, topic, flag, serializeType } = { ...PLAIN, ...send };
  const keyEntry = key === '' ? '' : `UNIQ_KEY\u0001${key}\u0002`;
  const properties = `${keyEntry}WAIT\u0001true\u0002TAGS\u0001${tag}\u0002`;
  const values = [
    'group',
    topic,
    'TBW102',
    '4',
    String(queueId),
    '0',
    String(born),
    '0',
    properties,
    '0',
    'false',
    '16',
  ];
  const fields: ExtFields = new Map(
    values.map((value, at) => {
      return [code === 10 ? SEND_FIELD_NAMES[at]! : String.fromCharCode('a'.charCodeAt(0) + at), value];
    }),
  );
  const body = Buffer.from(`body of ${opaque}`);
  return encodeFrame({ ...requestOf(code, opaque, fields, body), flag, serializeType });
}

/** All that the broker takes from a header. */
function meaning(header: SendHeader): object {
  const text = (bytes: Uint8Array, start: number, end: number): string =>
    Buffer.from(bytes.subarray(start, end)).toString('latin1');
  const { code, opaque, flag, version, language, serializeType, queueId, sysFlag, bornTimestamp, messageFlag } = header;
  const { reconsumeTimes, maxReconsumeTimes, defaultTopicQueueNums, batch } = header;
  return {
    ...{ code, opaque, flag, version, language, serializeType, queueId, sysFlag, bornTimestamp, messageFlag },
    ...{ reconsumeTimes, maxReconsumeTimes, defaultTopicQueueNums, batch },
    topic: text(header.names, header.topicStart, header.topicEnd),
    defaultTopic: text(header.names, header.defaultTopicStart, header.defaultTopicEnd),
    properties: text(header.properties, header.propertiesStart, header.propertiesEnd),
    body: text(header.body, header.bodyStart, header.bodyEnd),
  };
}

/** Frames do not begin where memory does. */
function placed(frame: Uint8Array): { readonly bytes: Uint8Array; readonly start: number; readonly end: number } {
  return {
    bytes: Buffer.concat([Buffer.alloc(5, 0x7f), frame, Buffer.alloc(3, 0x7f)]),
    start: 5,
    end: 5 + frame.length,
  };
}

function learned(frame: Uint8Array): SendHeaderMemo {
  const memo = new SendHeaderMemo();
  const header = new SendHeader();
  const { bytes, start, end } = placed(frame);
  expect(scanSendHeader(bytes, start, end, header)).toBe(true);
  memo.learn(bytes, start, header);
  return memo;
}

/** Recalls the frame, and whatever is recalled means what the scanner reads. */
function recall(memo: Pick<SendHeaderMemo, 'recall'>, frame: Uint8Array): boolean {
  const recalled = new SendHeader();
  const scanned = new SendHeader();
  const { bytes, start, end } = placed(frame);
  if (!memo.recall(bytes, start, end, recalled)) return false;
  expect(scanSendHeader(bytes, start, end, scanned)).toBe(true);
  expect(meaning(recalled)).toEqual(meaning(scanned));
  const { uniqKeyStart, uniqKeyEnd, wait } = recalled.scannedProperties!;
  const { properties, propertiesStart, propertiesEnd } = scanned;
  const key = parsePropertiesAt(properties, propertiesStart, propertiesEnd).get('UNIQ_KEY') ?? '';
  expect(Buffer.from(recalled.properties.subarray(uniqKeyStart, uniqKeyEnd)).toString()).toBe(key);
  expect(wait).toBe(true);
  return true;
}

describe('a send like the last one of its connection', () => {
  it.each([310, 10])('%i: may have another opaque, topic, queue, time and key', (code) => {
    const memo = learned(frameOf({ code }));
    const key = 'AC1400010F0B7D4991AD2C6C3F5AFFFF';
    const other = { code, opaque: 99, topic: 'others', queueId: 7, born: 1_799_999_999_999, key };
    expect(recall(memo, frameOf(other))).toBe(true);
    expect(recall(memo, frameOf({ code }))).toBe(true);
  });

  it('may be without a key', () => {
    const memo = learned(frameOf({ key: '' }));
    expect(recall(memo, frameOf({ key: '', opaque: 23 }))).toBe(true);
  });

  it.each<[string, Partial<Send>]>([
    ['another tag', { tag: 'TagB' }],
    ['a longer topic', { topic: 'orders-2' }],
    ['a topic that is escaped', { topic: 'ord"s' }],
    ['a topic that is not ASCII', { topic: 'ordré' }],
    ['an opaque with more digits', { opaque: 170 }],
    ['one way', { flag: FrameFlag.oneWay }],
    ['a key that is escaped', { key: 'AC1400010F0B7D4991AD2C6C3F5A00"' }],
    ['the binary header', { serializeType: 1 }],
    ['no key', { key: '' }],
  ])('is scanned with %s', (_what, send) => {
    expect(recall(learned(frameOf()), frameOf(send))).toBe(false);
  });

  it('is not remembered with a second key, which would be the one that counts', () => {
    const tag = 'T\u0002UNIQ_KEY\u0001second';
    expect(recall(learned(frameOf({ tag })), frameOf({ tag, opaque: 18 }))).toBe(false);
  });

  it('is not remembered without an opaque, also when a header before it had one', () => {
    const memo = new SendHeaderMemo();
    const header = new SendHeader();
    const without = withoutMember(frameOf(), 'opaque');
    for (const frame of [without, frameOf({ tag: 'a much longer tag than the other one' }), without]) {
      const { bytes, start, end } = placed(frame);
      expect(scanSendHeader(bytes, start, end, header)).toBe(true);
      memo.learn(bytes, start, header);
    }
    expect(recall(memo, without)).toBe(false);
  });

  it('is not remembered with the key of another property that ends like it', () => {
    // The name is written with an escape, which means the same: only the other one is found in the text.
    const usual = Buffer.from(frameOf({ tag: 'T\u0002XUNIQ_KEY\u0001AC1400010F0B7D4991AD2C6C3F5A0001' }));
    const headerEnd = 8 + usual.readInt32BE(4);
    const header = usual.toString('latin1', 8, headerEnd).replace('"UNIQ_KEY', '"UNIQ\\u005fKEY');
    const frame = jsonFrame(header, usual.subarray(headerEnd));
    expect(recall(learned(frame), frame)).toBe(false);
  });

  it.each(['\\\\u0002', '\\"'])('is not remembered with a key behind %s, which is text', (text) => {
    const usual = Buffer.from(frameOf({ tag: 'T__UNIQ_KEY\u0001AC1400010F0B7D4991AD2C6C3F5A0001' }));
    const headerEnd = 8 + usual.readInt32BE(4);
    const header = usual.toString('latin1', 8, headerEnd).replace('"UNIQ_KEY', '"UNIQ\\u005fKEY').replace('__', text);
    const frame = jsonFrame(header, usual.subarray(headerEnd));
    expect(recall(learned(frame), frame)).toBe(false);
  });

  it('is not remembered out of a binary header', () => {
    expect(recall(learned(frameOf({ serializeType: 1 })), frameOf({ serializeType: 1 }))).toBe(false);
  });

  it('whatever one byte of it becomes, means what the scanner reads, or is scanned', () => {
    const memo = learned(frameOf());
    const frame = frameOf({ opaque: 42 });
    let recalls = 0;
    fc.assert(
      fc.property(fc.nat(frame.length - 1), fc.nat(255), (at, byte) => {
        const mutant = Uint8Array.from(frame);
        mutant[at] = byte;
        if (recall(memo, mutant)) recalls++;
      }),
      { numRuns: 3000 },
    );
    expect(recalls).toBeGreaterThan(0);
  });
});

describe('remembering', () => {
  const learn = (memo: SendHeaderMemo, frame: Uint8Array): void => {
    const { bytes, start, end } = placed(frame);
    const header = new SendHeader();
    scanSendHeader(bytes, start, end, header);
    memo.learn(bytes, start, header);
  };

  it('becomes rare for a producer whose sends are never alike', () => {
    const memo = new SendHeaderMemo();
    let remembered = 0;
    for (let i = 0; i < 1000; i++) {
      const frame = frameOf({ tag: `Tag${1000 + i}` });
      expect(recall(memo, frame)).toBe(false);
      learn(memo, frame);
      // What was remembered is recalled at once, which is a fair price for knowing.
      if (i > 100 && recall(memo, frame)) remembered++;
    }
    expect(remembered).toBeLessThan(20);
  });

  it('keeps headers of several lengths at once', () => {
    const memos = new SendHeaderMemos();
    const topics = ['t', 't1', 't10', 't100'];
    for (const topic of topics) {
      const { bytes, start, end } = placed(frameOf({ topic }));
      const header = new SendHeader();
      scanSendHeader(bytes, start, end, header);
      memos.learn(bytes, start, header);
    }
    for (const topic of topics) expect(recall(memos, frameOf({ topic, opaque: 44 }))).toBe(true);
  });

  it('begins anew at once when what was remembered has served', () => {
    const memo = new SendHeaderMemo();
    learn(memo, frameOf());
    for (let opaque = 10; opaque < 30; opaque++) expect(recall(memo, frameOf({ opaque }))).toBe(true);
    learn(memo, frameOf({ opaque: 100 }));
    expect(recall(memo, frameOf({ opaque: 101 }))).toBe(true);
  });
});

describe('a run of sends', () => {
  const send = fc.record({
    topic: fc.constantFrom('orders', 'others', 'payments'),
    opaque: fc.nat(200),
    queueId: fc.nat(12),
    born: fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_009 }),
    key: fc.constantFrom('', 'K1', 'K2', 'K"'),
    tag: fc.constantFrom('A', 'B'),
    code: fc.constantFrom(310, 10),
  });

  it('is read as the scanner reads it, whatever was remembered before', () => {
    fc.assert(
      fc.property(fc.array(send, { minLength: 2, maxLength: 30 }), (sends) => {
        const memo = new SendHeaderMemos();
        const header = new SendHeader();
        for (const fields of sends) {
          const frame = frameOf(fields);
          if (recall(memo, frame)) continue;
          const { bytes, start, end } = placed(frame);
          expect(scanSendHeader(bytes, start, end, header)).toBe(true);
          memo.learn(bytes, start, header);
        }
      }),
      { numRuns: 300 },
    );
  });
});
