/** Registrations as brokers of other versions send them, and as ours does, against recorded ones. */
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { HeaderError } from '../../src/remoting/command.ts';
import { decodeFrame, responseTo } from '../../src/remoting/frame-codec.ts';
import { decodeCompressedRegisterBody } from '../../src/remoting/register-body.ts';
import { readRegisterAnswer, readRegisterBroker, registerBrokerRequest } from '../../src/remoting/register-broker.ts';
import { goldenBytes } from '../support/golden.ts';
import { registration, topic } from '../support/registrations.ts';

const mapping = {
  bname: 'broker-a',
  currIdMap: new Map([[0, 3]]),
  dirty: false,
  epoch: 1,
  scope: 's',
  topic: 'T1',
  totalQueues: 2,
};
const full = registration({
  heartbeatTimeoutMs: 9000,
  enableActingMaster: true,
  zoneName: 'west',
  topics: [topic('T1', { attributes: { a: 'b c' } }), topic('%RETRY%g')],
  queueMappings: [mapping],
});

describe('what is written is read back', () => {
  test.each([false, true])('compressed: %s', (compressed) => {
    const request = registerBrokerRequest(full, compressed);
    expect(readRegisterBroker(request)).toEqual(full);
    expect(readRegisterBroker(registerBrokerRequest(registration(), compressed))).toEqual(registration());
  });

  test('compressed, but the header denies it, as brokers of 5.3.3 do', () => {
    const request = registerBrokerRequest(full, true);
    request.extFields!.set('compressed', 'false');
    expect(readRegisterBroker(request)).toEqual(full);
  });

  test('the compressed body of a sender before 5.0 has no mappings', () => {
    const request = { ...registerBrokerRequest(full, true), version: 412 };
    expect(readRegisterBroker(request).queueMappings).toEqual([]);
  });
});

test('a registration of Apache’s broker, written again, has the same topics', () => {
  const bytes = goldenBytes('remoting/json/103-REGISTER_BROKER/01-request.bin');
  const recorded = decodeFrame(bytes, 0, bytes.length);
  const read = readRegisterBroker(recorded);
  expect(read).toMatchObject({
    brokerName: 'broker-a',
    brokerId: 0,
    enableActingMaster: false,
    heartbeatTimeoutMs: null,
  });
  expect(read.topics.find(({ topicName }) => topicName === 'TBW102')).toMatchObject({ perm: 7, readQueueNums: 8 });
  const again = registerBrokerRequest(read);
  expect(JSON.parse(Buffer.from(again.body!).toString())).toMatchObject({
    ...JSON.parse(Buffer.from(recorded.body!).toString()),
    topicConfigSerializeWrapper: { dataVersion: read.dataVersion },
  });
  expect(again.extFields!.get('bodyCrc32')).toMatch(/^\d+$/);
  expect(Object.keys(Object.fromEntries(again.extFields!)).sort()).toEqual(
    Object.keys(Object.fromEntries(recorded.extFields!)).sort(),
  );
});

describe('other senders', () => {
  const bare = { ...registerBrokerRequest(registration()), body: null };

  test('no body is no topics', () => {
    bare.extFields!.set('bodyCrc32', '0');
    expect(readRegisterBroker(bare)).toMatchObject({
      topics: [],
      dataVersion: { counter: 0, stateVersion: 0, timestamp: 0 },
    });
  });

  test('before 3.0.11 the body is the wrapper alone', () => {
    const body = Buffer.from('{"dataVersion":{"counter":4},"topicConfigTable":{"T":{"topicName":"T"}}}');
    const read = readRegisterBroker({ ...bare, body, version: 36 });
    expect(read.dataVersion).toEqual({ counter: 4, stateVersion: 0, timestamp: 0 });
    expect(read.topics).toEqual([topic('T', { readQueueNums: 16, writeQueueNums: 16 })]);
    expect(readRegisterBroker({ ...bare, body, version: 37 }).topics).toEqual([]);
  });
});

describe('a compressed body that does not fit together', () => {
  const piece = (text: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(text.length);
    return Buffer.concat([length, Buffer.from(text)]);
  };
  const int = (value: number): Buffer => {
    const bytes = Buffer.alloc(4);
    bytes.writeInt32BE(value);
    return bytes;
  };
  test.each([
    ['is cut off', Buffer.concat([piece('{}'), int(2), piece('T 1 1 6 SINGLE_TAG')])],
    ['has a negative length', Buffer.concat([int(-5)])],
    ['announces more than there is', Buffer.concat([piece('{}'), int(1), int(1_000_000)])],
    ['has a topic without settings', Buffer.concat([piece('{}'), int(1), piece('T 1 1'), piece('[]'), int(0)])],
    ['has words for numbers', Buffer.concat([piece('{}'), int(1), piece('T one 1 6 SINGLE_TAG'), piece('[]'), int(0)])],
    ['inflates to 100 MB', Buffer.alloc(100_000_000)],
  ])('%s', (_case, bytes) => {
    expect(() => decodeCompressedRegisterBody(deflateSync(bytes), 479)).toThrow(HeaderError);
  });
});

test('the answer tells of the master and of order settings', () => {
  const request = registerBrokerRequest(registration());
  const fields = new Map([
    ['masterAddr', 'm:1'],
    ['haServerAddr', 'm:2'],
  ]);
  const answer = responseTo(request, 0, null, fields, Buffer.from('{"table":{"T":"broker-a:4"}}'));
  expect(readRegisterAnswer(answer)).toEqual({
    masterAddr: 'm:1',
    haServerAddr: 'm:2',
    orderTopics: { T: 'broker-a:4' },
  });
  expect(readRegisterAnswer(responseTo(request, 0))).toEqual({
    masterAddr: null,
    haServerAddr: null,
    orderTopics: null,
  });
});
