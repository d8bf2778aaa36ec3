/** Old messages deleted by Apache's tools, and the store that is left in the hands of Apache's broker. RingMQ only: its broker deletes here. */
import { readdirSync } from 'node:fs';
import { expect, it } from 'vitest';
import { parseMessageId } from '../../src/layout/message-id.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { temporaryFolder } from '../support/folders.ts';
import { waitFor } from '../support/wait.ts';
import { NodeClient } from '../threads/node-client.ts';
import { mqadmin, startApacheBroker, startApacheNameServer } from './harness/apache.ts';
import { startRingmqStandalone } from './harness/ringmq.ts';
import { TARGET } from './harness/target.ts';
import { verified } from './harness/verify.ts';

const TOPIC = 'retained';
const COUNT = 600;
const DEADLINE_MS = 30_000;
const SEGMENT_BYTES = 64 * 1024;
const QUEUE_FILE_BYTES = 40 * 20;
const SIZES = {
  mappedFileSizeCommitLog: String(SEGMENT_BYTES),
  mappedFileSizeConsumeQueue: String(QUEUE_FILE_BYTES),
};
const FORGETFUL = {
  ...SIZES,
  fileReservedTime: '0',
  deleteCommitLogFilesInterval: '0',
  deleteConsumeQueueFilesInterval: '0',
  // Not at this hour: only when asked.
  deleteWhen: String((new Date().getHours() + 12) % 24),
};

const bodyOf = (n: number): string => `${n}`.padEnd(1000, '.');

function clientOf(address: string): NodeClient {
  const [host, port] = address.split(':');
  return new NodeClient({ host: host!, port: Number(port) });
}

async function minOffset(client: NodeClient): Promise<number> {
  const fields = new Map(Object.entries({ topic: TOPIC, queueId: '0' }));
  const answer = await client.invoke(requestOf(RequestCode.GET_MIN_OFFSET, 0, fields));
  return Number(answer.extFields?.get('offset'));
}

it.skipIf(TARGET === 'apache')(
  "deletes when Apache's tools ask, and Apache's broker opens what is left",
  async () => {
    const store = `${temporaryFolder('retention')}/store`;
    const first = await startRingmqStandalone({ store, settings: FORGETFUL });
    let client = clientOf(first.broker);
    const logOffsets: number[] = [];
    for (let n = 0; n < COUNT; n++) {
      const sent = await client.send({ topic: TOPIC, body: bodyOf(n) });
      expect(sent.code).toBe(0);
      logOffsets.push(Number(parseMessageId(sent.extFields!.get('msgId')!)!.logOffset));
    }
    client.close();
    // All segments go but the one that is written to.
    const lastSegment = Math.floor(logOffsets.at(-1)! / SEGMENT_BYTES) * SEGMENT_BYTES;
    const min = logOffsets.filter((offset) => offset < lastSegment).length;
    // A stop makes everything durable in the queues: until then nothing would go.
    await first.stop();

    const second = await startRingmqStandalone({ store, settings: FORGETFUL });
    client = clientOf(second.broker);
    const asked = await mqadmin(['deleteExpiredCommitLog', '-b', second.broker, '-n', second.namesrv]);
    expect(asked.output).toContain('success');
    const cleaned = await mqadmin(['cleanExpiredCQ', '-b', second.broker, '-n', second.namesrv]);
    expect(cleaned.output).toContain('success');
    await waitFor(`minimum ${min}`, DEADLINE_MS, async () => (await minOffset(client)) === min);
    await waitFor('the segments', DEADLINE_MS, () => {
      const [segment] = readdirSync(`${store}/commitlog`).sort();
      return Number(segment) === lastSegment;
    });
    await waitFor('the queue files', DEADLINE_MS, async () => {
      const [file] = readdirSync(`${store}/consumequeue/${TOPIC}/0`).sort();
      return Number(file) + QUEUE_FILE_BYTES >= min * 20;
    });
    const status = (await mqadmin(['topicStatus', '-t', TOPIC, '-n', second.namesrv])).output;
    expect(status).toMatch(new RegExp(`\\S+\\s+0\\s+${min}\\s+${COUNT}\\s`));
    const { output } = await mqadmin(['consumeMessage', '-t', TOPIC, '-n', second.namesrv]);
    const consumed = [...output.matchAll(/MSGID: /g)].length;
    expect({ consumed, output }).toMatchObject({ consumed: COUNT - min });
    verified(
      'mqadmin deleteExpiredCommitLog, cleanExpiredCQ',
      `${min} of ${COUNT} messages are gone, the rest was consumed`,
    );
    client.close();
    await second.stop();

    const nameServer = await startApacheNameServer();
    const settings = { ...SIZES, timerWheelEnable: 'false', autoCreateSubscriptionGroup: 'true' };
    const apache = await startApacheBroker({ namesrv: nameServer.namesrv, store, settings });
    client = clientOf(apache.broker);
    expect(await minOffset(client)).toBe(min);
    expect(await client.maxOffset(TOPIC, 0)).toBe(COUNT);
    const found = await client.pull(TOPIC, 0, min);
    expect([found.code, found.remark]).toEqual([0, 'FOUND']);
    expect(Buffer.from(found.body!).includes(bodyOf(min))).toBe(true);
    const gone = await client.pull(TOPIC, 0, min - 1);
    expect(gone.extFields?.get('nextBeginOffset')).toBe(String(min));
    verified("Apache's broker opens a store that RingMQ has deleted from", `minimum ${min}, maximum ${COUNT}`);
    client.close();
    await apache.stop();
    await nameServer.stop();
  },
  240_000,
);
