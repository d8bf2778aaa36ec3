/**
 * `npm run bench:keys -- [--queries N] [--rounds R] [--against DIST]`: what a query by key costs control, sockets apart, over indexes of many
 * small files and of files of the default size, in the page cache. Messages have a key of their own and one that all share; every answer is
 * checked to be the message that was asked for.
 *
 *   topic, key -> MessageReads -> [index table or index files] -> [CommitLog files] -> records
 *
 * `--against` names the `dist` of another build: each round asks both, one after the other, and the table shows how many times longer that takes.
 */
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { assert } from '../../src/base/assert.ts';
import { systemClock } from '../../src/base/clock.ts';
import { asLogOffset } from '../../src/base/units.ts';
import type { KeyQuery } from '../../src/broker/control-ports.ts';
import { type IndexFileShape, indexFileBytes } from '../../src/layout/index-file.ts';
import { IndexedProperties, scanIndexed } from '../../src/layout/message-properties.ts';
import { IndexTable } from '../../src/ring/index-table.ts';
import { NodeDisk } from '../../src/store/disk.ts';
import { type IndexFiles, indexFileNames, indexFilePath } from '../../src/store/index-files.ts';
import { IndexReader } from '../../src/store/index-reader.ts';
import { DEFAULT_INDEX_SHAPE } from '../../src/store/index-shape.ts';
import { LogReader } from '../../src/store/log-reader.ts';
import { LogScanner, Scanned } from '../../src/store/log-scanner.ts';
import type { CommitLogFiles } from '../../src/store/segments.ts';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { DEFAULT_STORE_SIZES } from '../../src/store/store-sizes.ts';
import { MessageReads } from '../../src/threads/control/message-reads.ts';
import { IndexFiling } from '../../src/threads/dispatch/index-filing.ts';
import { printMachine, printTable } from '../micro.ts';
import { FIRST_STORED_MS, keyOf, makeStore, topicOf } from './make-store.ts';

const { values } = parseArgs({
  options: {
    queries: { type: 'string', default: '500' },
    rounds: { type: 'string', default: '9' },
    against: { type: 'string' },
  },
});
const queries = Number(values.queries);
const rounds = Number(values.rounds);
const other = values.against === undefined ? null : await readsOf(values.against);

const QUEUES = 8;
const SHARED_KEY = 'shared';
/** The unique key, that of the message and the shared one. */
const RECORD_ENTRIES = 3;
/** More than a record has. */
const RECORD_BYTES = 400;
/** What the Java client asks for at most. */
const MAX = 64;
/** So that an index file stands for minutes. */
const RECORDS_PER_SECOND = 100;
const MS_PER_SECOND = 1000;

/** An index that is asked. Its files have the size of `shape`, and `perFile` entries, the last of them fewer. */
interface Case {
  readonly title: string;
  readonly files: number;
  readonly perFile: number;
  readonly shape: IndexFileShape;
}

const CASES: readonly Case[] = [
  { title: '45 of 2000 entries', files: 45, perFile: 1999, shape: { slots: 500, entries: 2000 } },
  ...[1, 5, 20].map((files) => ({
    title: `${files} of the default size`,
    files,
    perFile: 60_000,
    shape: DEFAULT_INDEX_SHAPE,
  })),
];

interface Asked {
  readonly title: string;
  readonly query: (i: number, records: number) => KeyQuery;
  /** Number of the record that is found. */
  readonly found: (i: number, records: number) => number | null;
  /** Of so many queries one is asked: it takes that much longer. */
  readonly every: number;
}

const ALL_TIMES = { topic: topicOf(0), max: MAX, begin: 0, end: Number.MAX_SAFE_INTEGER };

const ASKED: readonly Asked[] = [
  {
    title: 'a key, all times',
    query: (i, records) => ({ ...ALL_TIMES, key: keyOf(spread(i, records)) }),
    found: spread,
    every: 1,
  },
  {
    title: 'a key, its second',
    query: (i, records) => ({ ...ALL_TIMES, key: keyOf(spread(i, records)), ...secondBefore(spread(i, records)) }),
    found: spread,
    every: 1,
  },
  {
    title: 'no such key, all times',
    query: (i) => ({ ...ALL_TIMES, key: `none-${i}` }),
    found: () => null,
    every: 1,
  },
  {
    // Times of entries are whole seconds: the newest of the first one is found behind all others of the file.
    title: 'the key of all, the first second',
    query: () => ({ ...ALL_TIMES, key: SHARED_KEY, end: FIRST_STORED_MS, max: 1 }),
    found: () => RECORDS_PER_SECOND - 1,
    every: 100,
  },
];

const root = mkdtempSync(join(tmpdir(), 'ringmq-bench-keys-'));
try {
  printMachine();
  const rows = CASES.flatMap((index, i) => run(index, join(root, String(i))));
  const head = ['index files', 'asked', 'us a query', 'fastest'];
  printTable(rows, other === null ? head : [...head, 'the other', 'times longer']);
} finally {
  rmSync(root, { recursive: true, force: true });
}

async function readsOf(dist: string): Promise<typeof MessageReads> {
  const path = join(resolve(dist), 'src/threads/control/message-reads.js');
  return (await import(pathToFileURL(path).href)).MessageReads;
}

function run(index: Case, folder: string): string[][] {
  const disk = new NodeDisk();
  const paths = storePathsOf(folder);
  const wanted = Math.floor((index.files * index.perFile) / RECORD_ENTRIES);
  const { logBytes } = makeStore({
    root: folder,
    logBytes: wanted * RECORD_BYTES,
    queues: QUEUES,
    bodyBytes: 100,
    sizes: DEFAULT_STORE_SIZES,
    sharedKey: SHARED_KEY,
    recordsPerMs: RECORDS_PER_SECOND / MS_PER_SECOND,
  });
  const logFiles = { directory: paths.commitLog, segmentSizeBytes: DEFAULT_STORE_SIZES.segmentSizeBytes };
  const table = new IndexTable(IndexTable.allocate(index.shape.slots));
  const indexFiles = { directory: paths.index, shape: index.shape };
  const records = fileKeys(disk, logFiles, logBytes, indexFiles, index, table, wanted);
  const parts = {
    log: new LogReader(disk, logFiles),
    visible: () => logBytes,
    indexTable: table,
    indexReader: new IndexReader(disk, indexFiles, 64),
  };
  // Builds from before there was an IndexReader take disk and files.
  const builds = [
    new MessageReads(parts),
    ...(other === null ? [] : [new other({ ...parts, ...{ disk, indexFiles } })]),
  ];
  const rows = ASKED.map((asked) => [index.title, asked.title, ...figures(builds, asked, records)]);
  rmSync(folder, { recursive: true });
  return rows;
}

/** Puts the keys of the first `wanted` records into as many files as the case says. */
function fileKeys(
  disk: NodeDisk,
  logFiles: CommitLogFiles,
  logBytes: number,
  files: IndexFiles,
  index: Case,
  table: IndexTable,
  wanted: number,
): number {
  // Where entries lie depends on the number of slots only: the files get the rest of their size afterwards.
  const shape = { slots: index.shape.slots, entries: index.perFile + 1 };
  const filing = new IndexFiling(disk, { ...files, shape }, table, systemClock);
  const log = new LogReader(disk, logFiles);
  const scanner = new LogScanner(log, false);
  const keys = new IndexedProperties();
  let records = 0;
  scanner.begin(asLogOffset(0), asLogOffset(logBytes));
  for (; records < wanted && scanner.next() === Scanned.record; records++) {
    const { cursor, bytes } = scanner;
    scanIndexed(bytes, cursor.propertiesStart, cursor.propertiesStart + cursor.propertiesLength, keys);
    assert(filing.add(cursor, bytes, keys), 'the disk has room');
  }
  filing.beginRound(logBytes);
  while (filing.roundStep() === null);
  filing.close();
  log.close();
  const names = indexFileNames(disk, files);
  assert(records === wanted && names.length === index.files, `${records} records, ${names.length} files`);
  for (const name of names) truncateSync(indexFilePath(files, name), indexFileBytes(index.shape));
  return records;
}

function figures(builds: readonly MessageReads[], asked: Asked, records: number): string[] {
  const times: number[][] = builds.map(() => []);
  for (let round = -1; round < rounds; round++) {
    builds.forEach((reads, build) => {
      const us = ask(reads, asked, records);
      // The first round warms up.
      if (round >= 0) times[build]!.push(us);
    });
  }
  const [mine, theirs] = times.map((list) => ({ p50: median(list), min: Math.min(...list) }));
  const cells = [mine!.p50.toFixed(1), mine!.min.toFixed(1)];
  if (theirs === undefined) return cells;
  const ratios = times[0]!.map((us, round) => times[1]![round]! / us);
  return [...cells, theirs.p50.toFixed(1), median(ratios).toFixed(2)];
}

/** Microseconds of a query. */
function ask(reads: MessageReads, { query, found, every }: Asked, records: number): number {
  const count = Math.ceil(queries / every);
  const startUs = systemClock.monotonicUs();
  const answers = Array.from({ length: count }, (_, i) => reads.byKey(query(i, records)));
  const tookUs = systemClock.monotonicUs() - startUs;
  answers.forEach((answer, i) => {
    const number = found(i, records);
    const got = answer!.records.map((bytes) => Buffer.from(bytes).toString('latin1'));
    const isRight = number === null ? got.length === 0 : got.length === 1 && got[0]!.includes(keyOf(number));
    assert(isRight, `query ${i} of "${query(i, records).key}" has found ${got.length} messages`);
  });
  return tookUs / count;
}

/** Numbers of records of the whole log, old and new ones in turn, all of the first topic. */
function spread(i: number, records: number): number {
  return (i * 7919) % records;
}

function secondBefore(record: number): { begin: number; end: number } {
  const end = FIRST_STORED_MS + (record * MS_PER_SECOND) / RECORDS_PER_SECOND;
  return { begin: end - MS_PER_SECOND, end };
}

function median(list: readonly number[]): number {
  return [...list].sort((a, b) => a - b)[list.length >> 1]!;
}
