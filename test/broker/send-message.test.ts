import { describe, expect, it } from 'vitest';
import type { TopicView } from '../../src/broker/control-protocol.ts';
import { SendOutcome } from '../../src/broker/send-message.ts';
import type { BrokerOptions } from '../../src/config/broker-schema.ts';
import { encodeBatch } from '../../src/layout/batch-item.ts';
import { parseMessageId } from '../../src/layout/message-id.ts';
import { encodeProperties, parseProperties } from '../../src/layout/message-properties.ts';
import { encodeHost, readRecord } from '../../src/layout/message-record.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ } from '../../src/layout/remoting-frame.ts';
import { goldenBytes, goldenJson } from '../support/golden.ts';
import { DataPath } from '../threads/data-path.ts';
import { KEY, type SendFields, SendReply, WITH_KEY } from '../threads/test-net.ts';

interface GoldenRecord {
  readonly file: string;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly flag: number;
  readonly sysFlag: number;
  readonly bornTimestamp: number;
  readonly bornHost: string;
  readonly storeTimestamp: number;
  readonly storeHost: string;
  readonly physicalOffset: number;
  readonly reconsumeTimes: number;
  readonly properties: Record<string, string>;
  readonly propertiesRaw: string;
}

const golden = goldenJson<{ records: GoldenRecord[] }>('messages/index.json').records;
const OWN_PROPERTIES = ['MSG_REGION', 'TRACE_ON', 'CLUSTER'];

function path(settings: Partial<BrokerOptions> = {}): DataPath {
  return new DataPath({ settings, ringBytes: 16 * 1024 * 1024 });
}

function hostOf(text: string): Uint8Array {
  const colon = text.lastIndexOf(':');
  return encodeHost(text.slice(0, colon).replace(/[[\]]/g, ''), Number(text.slice(colon + 1)));
}

function item(body: string, key: string, properties: Record<string, string> = {}, flag = 0) {
  const all = new Map(Object.entries({ ...properties, ...(key === '' ? {} : { UNIQ_KEY: key }) }));
  return { flag, body: Buffer.from(body), properties: Buffer.from(encodeProperties(all)) };
}

describe('a stored record', () => {
  /** Cases that came over the wire as plain sends to an ordinary topic. */
  const plain = golden.filter(
    ({ file, topic, sysFlag }) => /^0(0[1-9]|1[0-3]|2[7-9]|31|52|53)-/.test(file) && topic === 'Plain' && sysFlag < 4,
  );

  it.each(plain.map((record) => [record.file, record] as const))(
    'is that of Apache’s broker but for the order of the properties: %s',
    (file, record) => {
      const expected = goldenBytes(`messages/${file}`);
      const view = new DataView(expected.buffer, expected.byteOffset, expected.length);
      const { body } = readRecord(view, expected, 0)!;
      const sent = new Map(Object.entries(record.properties).filter(([name]) => !OWN_PROPERTIES.includes(name)));
      const broker = new DataPath({
        settings: { brokerClusterName: 'DefaultCluster' },
        ringBytes: 1024 * 1024,
        recovered: [{ topic: 'Plain', queueId: record.queueId, next: record.queueOffset }],
      });
      broker.addTopic('Plain', 4);
      broker.clock.wallMs = record.storeTimestamp;
      const reply = new SendReply(1, hostOf(record.bornHost));
      const { topic, queueId, flag, sysFlag, bornTimestamp, reconsumeTimes } = record;
      const properties = encodeProperties(sent);
      const fields = { topic, queueId, flag, sysFlag, bornTimestamp, reconsumeTimes, properties };
      expect(broker.net.send({ ...fields, body }, reply)).toBe(SendOutcome.queued);
      broker.write();
      const [stored] = broker.records();
      expect(Object.fromEntries(parseProperties(stored!.properties))).toEqual(record.properties);
      // The store host and the place in the log are another broker's.
      const mine = Buffer.from(stored!.bytes);
      const own = mine.indexOf(Buffer.from(stored!.properties));
      mine.write(record.propertiesRaw, own);
      mine.set(hostOf(record.storeHost), 64);
      mine.writeBigInt64BE(BigInt(record.physicalOffset), 28);
      expect(mine.toString('hex')).toBe(expected.toString('hex'));
    },
  );

  it('is compared with many cases', () => {
    expect(plain.length).toBeGreaterThanOrEqual(13);
  });

  it('says where its sender and the broker are, IPv6 too', () => {
    const broker = path();
    const bornHost = encodeHost('2001:db8::7', 4711);
    broker.net.send({}, new SendReply(1, bornHost));
    broker.write();
    const { bytes } = broker.records()[0]!;
    expect(bytes.subarray(48, 68)).toEqual(Buffer.from(bornHost));
    expect(bytes.readInt32BE(36) & 0x10).toBe(0x10);
    expect(Number(bytes.readBigInt64BE(68))).toBe(broker.clock.wallMs);
  });

  it('has the flags of a topic with several tags', () => {
    const broker = path();
    broker.addTopic('Multi', 1, { multiTags: true });
    broker.net.send({ topic: 'Multi', sysFlag: 1 });
    broker.write();
    expect(broker.records()[0]!.bytes.readInt32BE(36)).toBe(0x3);
  });
});

describe('properties', () => {
  const stored = (properties: string): { readonly properties: Map<string, string>; readonly transactionId: string } => {
    const broker = path();
    broker.net.send({ properties });
    broker.write();
    const [answer] = broker.net.answers();
    return {
      properties: parseProperties(broker.records()[0]!.properties),
      transactionId: answer!.extFields!.get('transactionId')!,
    };
  };

  it('get the broker’s own, which win over the client’s', () => {
    const { properties } = stored(`${WITH_KEY}CLUSTER\u0001theirs\u0002`);
    expect(Object.fromEntries(properties)).toEqual({
      UNIQ_KEY: KEY,
      CLUSTER: 'DefaultCluster',
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
    });
  });

  it('without the last end mark are not run into the broker’s', () => {
    expect(stored(`${WITH_KEY}a\u0001b`).properties.get('a')).toBe('b');
  });

  it('lose POP_CK wherever it stands', () => {
    for (const text of [
      `POP_CK\u00011 2\u0002${WITH_KEY}`,
      `${WITH_KEY}POP_CK\u0001x`,
      `a\u0001b\u0002POP_CK\u0001x\u0002`,
    ]) {
      const { properties } = stored(text);
      expect(properties.has('POP_CK')).toBe(false);
      expect(properties.get('CLUSTER')).toBe('DefaultCluster');
      expect(properties.get('UNIQ_KEY')).not.toBe(undefined);
    }
  });

  it('get a UNIQ_KEY when there is none, the one that the answer names', () => {
    const first = stored('');
    const key = first.properties.get('UNIQ_KEY')!;
    expect(key).toMatch(/^[0-9A-F]{32}$/);
    expect(first.transactionId).toBe(key);
    expect(stored(WITH_KEY).transactionId).toBe(KEY);
  });

  it('of different messages get different keys', () => {
    const broker = path();
    for (let i = 0; i < 50; i++) broker.net.send({ properties: '' });
    broker.write();
    expect(new Set(broker.net.answers().map(({ extFields }) => extFields!.get('transactionId'))).size).toBe(50);
  });
});

describe('what is refused', () => {
  interface Case extends SendFields {
    readonly about: string;
    readonly code: number;
    readonly remark: RegExp;
    readonly settings?: Partial<BrokerOptions>;
    readonly view?: Partial<TopicView>;
    /** Of a broker that is so far behind. */
    readonly undispatched?: number;
  }
  const batch = encodeBatch([item('a', 'k1'), item('b', 'k2')]);
  const inT = { batch: true, body: batch };
  const cases: (Case & { readonly as?: number })[] = [
    { about: 'a topic name with other characters', topic: 'T!', code: 29, remark: /illegal characters/ },
    { about: 'a topic name that is too long', topic: 'T'.repeat(128), code: 29, remark: /longer/ },
    { about: 'a topic of the broker', topic: 'SCHEDULE_TOPIC_XXXX', code: 16, remark: /is forbidden/ },
    {
      about: 'an order topic while the broker may not be written to',
      topic: 'O',
      view: { order: true },
      settings: { brokerPermission: 4 },
      code: 16,
      remark: /order topic/,
    },
    {
      about: 'properties with a sector of zeros, which recovery would take for lost',
      properties: `${WITH_KEY}k\u0001${'\u0000'.repeat(512)}\u0002`,
      code: 13,
      remark: /512 zero bytes/,
    },
    { about: 'a queue beyond the topic', queueId: 4, code: 29, remark: /queueId\[4\] is illegal/ },
    {
      about: 'the order topic before the queue',
      topic: 'O',
      view: { order: true },
      settings: { brokerPermission: 4 },
      queueId: 99,
      code: 16,
      remark: /order topic/,
    },
    ...[4, 0].map((readQueueNums) => ({
      about: `a queue of the broker’s choice where ${readQueueNums} are read and none is written`,
      topic: 'O',
      view: { writeQueueNums: 0, readQueueNums },
      queueId: -1,
      code: 1,
      remark: /no write queue/,
    })),
    {
      about: 'a batch to a queue of the broker’s choice where none is written',
      ...inT,
      topic: 'O',
      view: { writeQueueNums: 0 },
      queueId: -1,
      code: 1,
      remark: /no write queue/,
    },
    { about: 'no body', body: '', code: 1, remark: /body is null/ },
    {
      about: 'a body over the limit',
      body: 'x'.repeat(1001),
      settings: { maxMessageSize: 1000 },
      code: 13,
      remark: /1001/,
    },
    { about: 'a body over 4 MiB', body: Buffer.alloc(4 * 1024 * 1024 + 1), code: 13, remark: /4194305/ },
    {
      about: 'properties over 32767',
      properties: `a\u0001${'b'.repeat(32_760)}\u0002`,
      code: 13,
      remark: /properties/,
    },
    { about: 'a half message', properties: `TRAN_MSG\u0001true\u0002`, code: 3, remark: /transactional/ },
    { about: 'a commit flag', sysFlag: 8, code: 3, remark: /transactional/ },
    { about: 'a delay level', properties: `DELAY\u00013\u0002`, code: 3, remark: /delayed/ },
    { about: 'a timer', properties: `TIMER_DELAY_SEC\u00013\u0002`, code: 3, remark: /timer/ },
    { about: 'INNER_NUM', properties: `INNER_NUM\u00013\u0002`, code: 13, remark: /INNER_NUM/ },
    { about: 'an inner batch', sysFlag: 0x80, code: 13, remark: /inner batch/ },
    { about: 'a batch with the flag of an inner batch', ...inT, sysFlag: 0xc0, code: 13, remark: /inner batch/ },
    { about: 'a batch to a retry topic', ...inT, topic: '%RETRY%G', view: {}, code: 13, remark: /retry/ },
    { about: 'a delayed batch', ...inT, properties: `DELAY\u00013\u0002`, code: 13, remark: /delayed/ },
    { about: 'a half batch', ...inT, sysFlag: 4, code: 13, remark: /transaction/ },
    { about: 'a batch that is none', batch: true, body: 'no batch', code: 13, remark: /no batch/ },
    { about: 'an empty batch', batch: true, body: '', code: 13, remark: /no batch/ },
    { about: 'a batch that is cut off', batch: true, body: batch.subarray(0, -1), code: 13, remark: /no batch/ },
    {
      about: 'a batch over the limit',
      batch: true,
      body: encodeBatch([item('x'.repeat(600), 'k'), item('x'.repeat(600), 'k')]),
      settings: { maxMessageSize: 1000 },
      code: 13,
      remark: /a batch of \d+ bytes/,
    },
    {
      about: 'a batch with a body of 0 bytes in it',
      batch: true,
      body: encodeBatch([item('a', 'k'), item('', 'k')]),
      code: 1,
      remark: /body is null/,
    },
    {
      about: 'everything while dispatch is too far behind',
      settings: { undispatchedMaxBytes: 2 * 1024 * 1024 },
      undispatched: 2 * 1024 * 1024 + 1,
      code: 2,
      remark: /\[OVERLOAD\]/,
    },
  ];

  it.each(cases)('$about: $code', ({ settings, view, undispatched, code, remark, about: _, ...fields }) => {
    const broker = path(settings);
    const topic = fields.topic ?? 'T';
    if (topic !== 'T') broker.addTopic(topic, 4, view);
    broker.net.undispatchedBytes = undispatched ?? 0;
    expect(broker.net.send(fields)).toBe(SendOutcome.refused);
    const answer = broker.net.reply.answer();
    expect(answer).toMatchObject({ code, opaque: 1, remark: expect.stringMatching(remark) });
    expect(Object.fromEntries(answer.extFields!)).toEqual({ MSG_REGION: 'DefaultRegion', TRACE_ON: 'true' });
    broker.write();
    expect(broker.log.end).toBe(0);
    expect(broker.net.ends.bytes.usedBytes).toBe(0);
  });

  it('everything while the disk is too full, with the code and the words of upstream, and nothing after that: 14', () => {
    const broker = path();
    broker.status.setDiskFull({ log: 91, queues: 7 });
    for (const fields of [{}, inT, { oneWay: true }]) expect(broker.net.send(fields)).toBe(SendOutcome.refused);
    const answers = broker.net.answers();
    expect(answers.map(({ code }) => code)).toEqual([14, 14]);
    expect(answers[0]!.remark).toBe(
      'service not available now. It may be caused by one of the following reasons: ' +
        "the broker's disk is full [CL:  0.91 CQ:  0.07 INDEX:  0.91], messages are put to the slave, " +
        'message store has been shut down, etc.',
    );
    // What is wrong with the message itself is said first: it would not be taken later either.
    broker.net.send({ queueId: 99 });
    expect(broker.net.answers()[0]!.code).toBe(29);
    broker.write();
    expect(broker.log.end).toBe(0);
    broker.status.setDiskFull(null);
    expect(broker.net.send()).toBe(SendOutcome.queued);
    broker.write();
    expect(broker.net.answers()[0]!.code).toBe(0);
  });

  it('is not answered when nobody waits for it', () => {
    const broker = path();
    expect(broker.net.send({ queueId: 99, oneWay: true })).toBe(SendOutcome.refused);
    expect(broker.net.answers()).toEqual([]);
  });

  it('leaves topics that nobody knows to the caller', () => {
    const broker = path();
    expect(broker.net.send({ topic: 'Nobody' })).toBe(SendOutcome.unknownTopic);
    expect(broker.net.answers()).toEqual([]);
  });

  it('takes the largest body with the largest properties', () => {
    const broker = new DataPath({ ringBytes: 16 * 1024 * 1024, segmentBytes: 8 * 1024 * 1024 });
    // The broker's own properties count too, and this has no mark behind its last one.
    const properties = `${WITH_KEY}a\u0001`.padEnd(32_767 - 72, 'b');
    broker.net.send({ properties, body: Buffer.alloc(4 * 1024 * 1024, 7) });
    broker.write();
    expect(broker.net.answers()[0]!.code).toBe(0);
    expect(broker.records()[0]!.properties.length).toBeGreaterThan(32_700);
  });

  it.each(['single', 'batch'])('what does not fit a segment of the log: %s', (kind) => {
    const broker = new DataPath({ ringBytes: 1024 * 1024, segmentBytes: 16 * 1024 });
    const body = 'x'.repeat(16 * 1024);
    const fields = kind === 'batch' ? { batch: true, body: encodeBatch([item(body, 'k')]) } : { body };
    expect(broker.net.send(fields)).toBe(SendOutcome.refused);
    expect(broker.net.reply.answer()).toMatchObject({ code: 13, remark: expect.stringContaining('16376') });
  });
});

describe('a batch', () => {
  it('is stored as records of its own, those of Apache’s broker but for the order of what a broker adds', () => {
    const records = golden.filter(({ file }) => /^01[4-6]-/.test(file));
    const [first] = records as [GoldenRecord];
    const { topic, queueId, flag, sysFlag, bornTimestamp, reconsumeTimes } = first;
    const broker = new DataPath({ recovered: [{ topic: 'Plain', queueId, next: first.queueOffset }] });
    broker.addTopic('Plain', 4);
    broker.clock.wallMs = first.storeTimestamp;
    const own = (raw: string): string => raw.slice(0, raw.indexOf('MSG_REGION'));
    const body = encodeBatch(
      records.map(({ file, propertiesRaw }) => {
        const bytes = goldenBytes(`messages/${file}`);
        const { body: content } = readRecord(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), bytes, 0)!;
        return { flag: 0, body: content, properties: Buffer.from(own(propertiesRaw)) };
      }),
    );
    const properties = `UNIQ_KEY\u0001${first.properties.UNIQ_KEY}\u0002WAIT\u0001true\u0002`;
    const reply = new SendReply(1, hostOf(first.bornHost));
    broker.net.send(
      { code: 320, batch: true, topic, queueId, flag, sysFlag, bornTimestamp, reconsumeTimes, properties, body },
      reply,
    );
    broker.write();
    const stored = broker.records();
    expect(stored).toHaveLength(3);
    for (const [at, record] of stored.entries()) {
      const expected = records[at]!;
      expect(record.properties.startsWith(own(expected.propertiesRaw))).toBe(true);
      expect(Object.fromEntries(parseProperties(record.properties))).toEqual(expected.properties);
      const mine = Buffer.from(record.bytes);
      mine.write(expected.propertiesRaw, mine.indexOf(Buffer.from(record.properties)));
      mine.set(hostOf(expected.storeHost), 64);
      mine.writeBigInt64BE(BigInt(expected.physicalOffset), 28);
      expect(mine.toString('hex')).toBe(goldenBytes(`messages/${expected.file}`).toString('hex'));
    }
  });

  it('is answered with all ids in order, the first offset and its own key', () => {
    const broker = path();
    broker.net.send({
      batch: true,
      code: 320,
      body: encodeBatch([item('a', 'k1'), item('bb', 'k2'), item('ccc', 'k3')]),
    });
    broker.write();
    const records = broker.records();
    const fields = Object.fromEntries(broker.net.answers()[0]!.extFields!);
    expect(fields).toMatchObject({ queueId: '0', queueOffset: '0', transactionId: KEY, durability: 'written' });
    const ids = fields.msgId!.split(',').map((id) => Number(parseMessageId(id)!.logOffset));
    expect(ids).toEqual(records.map(({ logOffset }) => logOffset));
  });

  it('without a key of its own gets none, so that the messages keep theirs', () => {
    const broker = path();
    broker.net.send({ batch: true, properties: '', body: encodeBatch([item('a', 'k1'), item('b', 'k2')]) });
    broker.write();
    const keys = broker.records().map(({ properties }) => parseProperties(properties).get('UNIQ_KEY'));
    expect(keys).toEqual(['k1', 'k2']);
    expect(broker.net.answers()[0]!.extFields!.has('transactionId')).toBe(false);
  });

  it('of one message without a key is answered without one as well', () => {
    const broker = path();
    broker.net.send({ batch: true, properties: '', body: encodeBatch([item('a', 'k1')]) });
    broker.write();
    expect(broker.net.answers()[0]!.extFields!.has('transactionId')).toBe(false);
  });

  it('keeps flags, and properties that lack the last end mark', () => {
    const broker = path();
    const open = { flag: 7, body: Buffer.from('a'), properties: Buffer.from('x\u0001y') };
    broker.net.send({ batch: true, body: encodeBatch([open, item('b', '', {}, -1)]) });
    broker.write();
    const [first, second] = broker.records();
    expect(parseProperties(first!.properties).get('x')).toBe('y');
    expect([first!.bytes.readInt32BE(16), second!.bytes.readInt32BE(16)]).toEqual([7, -1]);
  });
});

describe('the queue', () => {
  it('is the broker’s choice for a negative id, and the answer names it', () => {
    const broker = path();
    for (let i = 0; i < 60; i++) broker.net.send({ queueId: -1 });
    broker.write();
    const chosen = broker.net.answers().map(({ extFields }) => Number(extFields!.get('queueId')));
    expect(chosen).toEqual(broker.records().map(({ queueId }) => queueId));
    expect(new Set(chosen).size).toBe(4);
  });

  it('may be one that is only read, but is never chosen', () => {
    const broker = path();
    broker.addTopic('Shrunk', 4, { writeQueueNums: 1 });
    broker.net.send({ topic: 'Shrunk', queueId: 3 });
    for (let i = 0; i < 20; i++) broker.net.send({ topic: 'Shrunk', queueId: -1 });
    broker.write();
    const [first, ...others] = broker.records().map(({ queueId }) => queueId);
    expect(first).toBe(3);
    expect(new Set(others)).toEqual(new Set([0]));
  });
});

describe.each([
  ['JSON', SERIALIZE_JSON],
  ['ROCKETMQ', SERIALIZE_ROCKETMQ],
] as const)('an answer in %s', (_, serializeType) => {
  it.each([10, 310])('says where the message is (%i)', (code) => {
    const broker = path();
    broker.net.send({ body: 'first' });
    broker.net.send({ code, serializeType, opaque: 77, queueId: 2 });
    broker.write();
    const answer = broker.net.answers()[1]!;
    expect(answer).toMatchObject({ code: 0, opaque: 77, flag: 1, serializeType, remark: null });
    const { msgId, ...fields } = Object.fromEntries(answer.extFields!) as Record<string, string>;
    expect(fields).toEqual({
      MSG_REGION: 'DefaultRegion',
      TRACE_ON: 'true',
      durability: 'written',
      queueId: '2',
      queueOffset: '0',
      transactionId: KEY,
    });
    expect(Number(parseMessageId(msgId!)!.logOffset)).toBe(broker.records()[1]!.logOffset);
  });

  it('is not given to a one-way send, which is stored all the same', () => {
    const broker = path();
    broker.net.send({ serializeType, oneWay: true });
    broker.write();
    expect(broker.net.answers()).toEqual([]);
    expect(broker.records()).toHaveLength(1);
  });
});

describe('without room', () => {
  it('nothing is claimed, and the send can come again', () => {
    const broker = new DataPath({ ringBytes: 4096, slots: 16 });
    const body = 'x'.repeat(1000);
    const outcomes = [0, 1, 2, 3].map(() => broker.net.send({ body }));
    expect(outcomes).toEqual([SendOutcome.queued, SendOutcome.queued, SendOutcome.queued, SendOutcome.noRoom]);
    broker.write();
    expect(broker.net.answers()).toHaveLength(3);
    expect(broker.net.send({ body })).toBe(SendOutcome.queued);
  });

  it('of descriptors it is the same', () => {
    const broker = new DataPath({ slots: 4 });
    for (let i = 0; i < 4; i++) expect(broker.net.send()).toBe(SendOutcome.queued);
    const used = broker.net.ends.bytes.usedBytes;
    expect(broker.net.send()).toBe(SendOutcome.noRoom);
    expect(broker.net.ends.bytes.usedBytes).toBe(used);
  });
});
