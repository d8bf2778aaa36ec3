/** Pulls that Apache's clients sent, and what its broker 5.3.3 answered: the same requests here have to come out the same. */
import { describe, expect, it } from 'vitest';
import { javaHashCode } from '../../src/base/java-hash.ts';
import { parseProperties } from '../../src/layout/message-properties.ts';
import { readRecord } from '../../src/layout/message-record.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { decodeFrame } from '../../src/remoting/frame-codec.ts';
import { PullHeader, pullHeaderOf } from '../../src/remoting/pull-header.ts';
import { MODES, type RecordedFrame, recordedBytes, recordedExchanges } from '../support/recorded-frames.ts';
import { PullHarness } from './pull-harness.ts';

/** Answered otherwise on purpose: SQL92 is not built, a slave comes with replication. */
const NOT_HERE = /SQL92|from the slave/;

describe.each(MODES)('the recorded pulls in %s', (mode) => {
  const frame = (recorded: RecordedFrame): RemotingCommand => {
    const bytes = recordedBytes(mode, recorded);
    return decodeFrame(bytes, 0, bytes.length);
  };
  const pulls = recordedExchanges(mode)
    .filter(({ code, scenario }) => (code === 11 || code === 361) && !NOT_HERE.test(scenario))
    .map(({ scenario, request, response }) => ({ scenario, request: frame(request), response: frame(response!) }));

  it('are there', () => {
    expect(pulls.length).toBeGreaterThanOrEqual(19);
  });

  it.each(pulls.map((pull, i) => ({ ...pull, title: `${i} ${pull.scenario}` })))(
    '$title',
    ({ request, response: expected }) => {
      const header = new PullHeader();
      pullHeaderOf(request, header);
      const broker = brokerOf(request, expected, pulls);
      const client = broker.client();
      broker.pulls.pull(header, client, 0);
      if (broker.pulls.parked > 0) {
        // It waited there for a message or for its time to be over.
        if (expected.code === 0) {
          broker.putRecords(header.queueId, recordsOf(expected.body!), tagsCodeOf);
          broker.arrived(header.queueId);
        } else broker.at(20_000);
      }
      const answer = client.answer();
      expect(withoutPorts(answer)).toEqual(withoutPorts(expected));
      expect(Buffer.from(answer.body ?? [])).toEqual(Buffer.from(expected.body ?? []));
    },
  );
});

/** Who asks has a port that changes; an empty map and none are the same. */
function withoutPorts({ code, remark, extFields, opaque, flag, version, language }: RemotingCommand): object {
  const fields = Object.fromEntries(extFields ?? []);
  return { code, remark: remark?.replace(/127\.0\.0\.1:\d+/, 'IP:PORT'), fields, opaque, flag, version, language };
}

/** A broker in the state that the recorded one was in when it answered, as far as the recordings tell. */
function brokerOf(
  request: RemotingCommand,
  response: RemotingCommand,
  all: readonly { request: RemotingCommand; response: RemotingCommand }[],
): PullHarness {
  const broker = new PullHarness();
  const fields = request.extFields!;
  const topic = fields.get('topic')!;
  const group = fields.get('consumerGroup')!;
  const queueId = Number(fields.get('queueId'));
  if (topic !== 'T_None') broker.topic({ name: topic, perm: topic === 'T_WriteOnly' ? 2 : 6 });
  broker.group({ name: group, consumeEnable: group !== 'CG_off' });
  if (group !== 'CG_raw')
    broker.consumers({ topic, ...pushSubscription(response), subVersion: 2 ** 50 }, 'CLUSTERING', group);
  const held = (Number(fields.get('sysFlag')) & 6) === 6 && response.code === 0;
  const max = Number(response.extFields?.get('maxOffset') ?? 0) - (held ? 1 : 0);
  if (max <= 0) return broker;
  // The whole content of T_Pull was pulled once; of other queues only the messages of the answer matter.
  const whole = all.find(
    (pull) => pull.request.extFields!.get('topic') === topic && pull.response.body !== null && topic === 'T_Pull',
  );
  const body = whole?.response.body ?? response.body;
  if (body !== null) broker.putRecords(queueId, recordsOf(body), tagsCodeOf);
  else broker.many(max, { queueId, tagsCode: 1 });
  return broker;
}

/** The push consumers of the recordings subscribed to tags when nothing matched, else to all. */
function pushSubscription(response: RemotingCommand): { expression: string; codeSet: number[] } {
  return response.code === 20
    ? { expression: 'TagA', codeSet: [javaHashCode('TagA')] }
    : { expression: '*', codeSet: [] };
}

function recordsOf(body: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  for (let at = 0; at < body.length; at += view.getInt32(at)) records.push(body.subarray(at, at + view.getInt32(at)));
  return records;
}

function tagsCodeOf(record: Uint8Array): number {
  const { properties } = readRecord(new DataView(record.buffer, record.byteOffset, record.length), record, 0)!;
  const tags = parseProperties(Buffer.from(properties).toString()).get('TAGS');
  return tags === undefined ? 0 : javaHashCode(tags);
}
