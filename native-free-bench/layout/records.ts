/**
 * Encoding a record into the ring as net does, completing it as append does and reading it as dispatch does. Run:
 * `npm run bench:layout`.
 */
import { crc32 } from 'node:zlib';
import { assert } from '../../src/base/assert.ts';
import { javaHashOfUtf8 } from '../../src/base/java-hash.ts';
import { ScannedProperties, scanProperties } from '../../src/layout/message-properties.ts';
import { completeRecord, RecordCursor, readRecord } from '../../src/layout/message-record.ts';
import { writeQueueEntry } from '../../src/layout/queue-entry.ts';
import { BytesRing } from '../../src/ring/bytes-ring.ts';
import { add, microBench, printMachine, runMicro } from '../micro.ts';
import { RecordEncoder, TOPIC } from '../record-encoder.ts';

const bench = microBench();
const ring = new BytesRing(BytesRing.allocate(16 * 1024 * 1024));
const encoder = new RecordEncoder(ring);
const encode = (at: number, body: Buffer) => encoder.encode(at, body, 0);
const complete = (at: number, queueOffset: number) =>
  completeRecord(ring.view, ring.bytes, at, queueOffset, 123_456_789_012 + at, 1_700_000_000_000);

for (const length of [128, 1024, 4096]) {
  const body = Buffer.alloc(length, 0x61);
  const size = encode(0, body);
  const decoded = readRecord(ring.view, ring.bytes, 0);
  assert(decoded !== null && Buffer.from(decoded.body).equals(body), 'the record holds the body');
  assert(decoded.totalSize === size && decoded.topic === TOPIC.toString(), 'and the topic');
  add(bench, `encode a record, ${length} B body`, (round) => encode(round * size, body));
  // What the task before has left.
  add(bench, `complete it (append), ${length} B body`, (round) => complete(round * size, round));
  add(bench, `CRC-32 of ${length} B`, () => crc32(body));
}

const size = encode(0, Buffer.alloc(1024, 0x61));
for (let i = 0; i < 1000; i++) encode(i * size, Buffer.alloc(1024, 0x61));

/** Dispatch reads from a private buffer that the file was read into. */
const slab = Buffer.alloc(1000 * size);
ring.bytes.copy(slab, 0, 0, slab.length);
const view = new DataView(slab.buffer, slab.byteOffset, slab.length);
const cursor = new RecordCursor();
const properties = new ScannedProperties();
const entries = new DataView(new ArrayBuffer(20));
let good = 0;
add(bench, 'read a record in place (dispatch)', (round) => {
  if (cursor.load(view, round * size)) good++;
});
add(bench, 'the same, with its tag and a queue entry', (round) => {
  if (!cursor.load(view, round * size)) return;
  scanProperties(slab, cursor.propertiesStart, cursor.propertiesStart + cursor.propertiesLength, properties);
  const tags = javaHashOfUtf8(slab, properties.tagsStart, properties.tagsEnd);
  writeQueueEntry(entries, 0, cursor.physicalOffset, cursor.totalSize, tags);
});
add(bench, 'read a record as an object (tools)', (round) => {
  if (readRecord(view, slab, round * size) !== null) good++;
});

printMachine();
await runMicro(bench);
assert(good > 0, 'the records that were read are whole');
