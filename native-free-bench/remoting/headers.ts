/**
 * Micro-benchmarks of what net does to each message's header: scanners and response writers beside the general path, on frames that
 * Apache's own client and broker recorded. Run: `npx tsc -b && node dist/native-free-bench/remoting/headers.js`.
 *
 *   frame bytes -> scanner        -> SendHeader, PullHeader           offsets -> template     -> frame bytes
 *               -> general path   -> RemotingCommand -> the same              -> general path -> frame bytes
 */

import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { Bench } from 'tinybench';
import { assert } from '../../src/base/assert.ts';
import { messageIdOf } from '../../src/layout/message-id.ts';
import { ScannedProperties, scanProperties } from '../../src/layout/message-properties.ts';
import { encodeHost } from '../../src/layout/message-record.ts';
import { SERIALIZE_JSON, SERIALIZE_ROCKETMQ, type SerializeType } from '../../src/layout/remoting-frame.ts';
import { decodeFrame, encodeFrame, responseTo } from '../../src/remoting/frame-codec.ts';
import { PullHeader, pullHeaderOf } from '../../src/remoting/pull-header.ts';
import { scanPullHeader } from '../../src/remoting/pull-header-scanner.ts';
import { PullResponseWriter } from '../../src/remoting/pull-response-writer.ts';
import { SendHeader, sendHeaderOf } from '../../src/remoting/send-header.ts';
import { scanSendHeader } from '../../src/remoting/send-header-scanner.ts';
import { SendResponseWriter } from '../../src/remoting/send-response-template.ts';

/** tinybench reads the clock around each call: a call worth measuring has to take much longer than that. */
const ROUNDS = 1000;

function recorded(file: string): Buffer {
  return readFileSync(new URL(`../../../test/golden/remoting/${file}`, import.meta.url));
}

function repeat(action: () => void): () => void {
  return () => {
    for (let i = 0; i < ROUNDS; i++) action();
  };
}

const bench = new Bench({ time: 500, warmupTime: 200 });
const send = new SendHeader();
const pull = new PullHeader();
const properties = new ScannedProperties();

function addRequests(mode: 'json' | 'rocketmq'): void {
  const sendFrame = recorded(`${mode}/310-SEND_MESSAGE_V2/01-request.bin`);
  const pullFrame = recorded(`${mode}/011-PULL_MESSAGE/01-request.bin`);
  assert(scanSendHeader(sendFrame, 0, sendFrame.length, send), 'the scanner reads a recorded send');
  assert(scanPullHeader(pullFrame, 0, pullFrame.length, pull), 'the scanner reads a recorded pull');
  bench.add(
    `${mode} send ${sendFrame.length} B: scan`,
    repeat(() => scanSendHeader(sendFrame, 0, sendFrame.length, send)),
  );
  bench.add(
    `${mode} send: general path`,
    repeat(() => sendHeaderOf(decodeFrame(sendFrame, 0, sendFrame.length), send)),
  );
  bench.add(
    `${mode} pull ${pullFrame.length} B: scan`,
    repeat(() => scanPullHeader(pullFrame, 0, pullFrame.length, pull)),
  );
  bench.add(
    `${mode} pull: general path`,
    repeat(() => pullHeaderOf(decodeFrame(pullFrame, 0, pullFrame.length), pull)),
  );
}

function addResponses(mode: string, serializeType: SerializeType): void {
  const host = encodeHost('127.0.0.1', 10911);
  const sendWriter = new SendResponseWriter(serializeType, host, 'DefaultRegion', true);
  const pullWriter = new PullResponseWriter(serializeType);
  const id = Buffer.from('FD00000000000000000000000000000224CC5FFD2B27721F48AA0000');
  const into = Buffer.alloc(4096);
  const writeSend = () => sendWriter.write(into, 0, 16, 0, 2, 1_000_000, 123_456_789_012, id, 0, id.length, 'written');
  const writePull = () => pullWriter.write(into, 0, 16, 0, 'FOUND', 1_000_032, 0, 1_000_500, 0, 32_768);
  const answer = (fields: [string, string][], remark: string | null) =>
    encodeFrame(responseTo({ opaque: 16, serializeType }, 0, remark, new Map(fields)));
  const sendFields = (): [string, string][] => [
    ['MSG_REGION', 'DefaultRegion'],
    ['TRACE_ON', 'true'],
    ['durability', 'written'],
    ['msgId', messageIdOf(host, 123_456_789_012)],
    ['queueId', '2'],
    ['queueOffset', '1000000'],
    ['transactionId', id.toString()],
  ];
  const written = decodeFrame(into, 0, writeSend());
  const encoded = answer(sendFields(), null);
  const general = decodeFrame(encoded, 0, encoded.length);
  assert(
    sendFields().every(([name, value]) => written.extFields?.get(name) === value),
    'the template says the same',
  );
  assert(general.extFields?.size === written.extFields?.size, 'and nothing else');
  bench.add(`${mode} send answer: template`, repeat(writeSend));
  bench.add(
    `${mode} send answer: general path`,
    repeat(() => answer(sendFields(), null)),
  );
  bench.add(`${mode} pull answer: template`, repeat(writePull));
}

function addProperties(): void {
  const text =
    'KEYS\u0001K1 K2\u0002UNIQ_KEY\u0001FD00000000000000000000000000000224CC5FFD2B27721F48AA0000\u0002WAIT\u0001true\u0002TAGS\u0001TagA\u0002';
  const bytes = Buffer.from(text);
  scanProperties(bytes, 0, bytes.length, properties);
  assert(bytes.toString('latin1', properties.tagsStart, properties.tagsEnd) === 'TagA', 'the tag is found');
  bench.add(
    `properties ${bytes.length} B: scan`,
    repeat(() => scanProperties(bytes, 0, bytes.length, properties)),
  );
}

addRequests('json');
addRequests('rocketmq');
addResponses('json', SERIALIZE_JSON);
addResponses('rocketmq', SERIALIZE_ROCKETMQ);
addProperties();

/** One pass over the bytes of the JSON send, to compare machines and their load by. */
const pass = recorded('json/310-SEND_MESSAGE_V2/01-request.bin');
let quotes = 0;
bench.add(
  `bare loop over ${pass.length} B`,
  repeat(() => {
    for (let i = 0; i < pass.length; i++) if (pass[i] === 0x22) quotes++;
  }),
);

await bench.run();
assert(quotes > 0, 'the bare loop did its work');
console.log(`Node ${process.version}, ${cpus()[0]?.model}, ${cpus().length} cores`);
console.table(
  bench.tasks.map(({ name, result }) => {
    if (result === undefined || result.error !== undefined) throw new Error(`${name} failed`, { cause: result?.error });
    const nanoseconds = (milliseconds: number) => Math.round((milliseconds * 1e6) / ROUNDS);
    return {
      task: name,
      'ns (mean)': nanoseconds(result.latency.mean),
      'ns (fastest)': nanoseconds(result.latency.min),
    };
  }),
);
