/** The stores that Apache's broker has left behind, whole and damaged, on a disk in memory, with what it says of them itself. */
import { gunzipSync } from 'node:zlib';
import { storePathsOf } from '../../src/store/store-paths.ts';
import { goldenBytes, goldenJson } from './golden.ts';
import { MemoryDisk } from './memory-disk.ts';
import { readTar } from './tar.ts';

export const GOLDEN_SEGMENT_BYTES = 1_048_576;
export const GOLDEN_QUEUE_FILE_BYTES = 1000;
export const goldenPaths = storePathsOf('/store');

export interface GoldenQueue {
  readonly topic: string;
  readonly queueId: number;
  readonly type: 'SimpleCQ' | 'BatchCQ';
  readonly minOffset: number;
  readonly maxOffset: number;
  readonly entryCount: number;
  readonly entriesSha256: string;
  /** Queue offset, log offset, size, tags code, count. */
  readonly entries: readonly (readonly [number, number, number, number, number])[];
}

export interface GoldenMessage {
  readonly physicalOffset: number;
  readonly size: number;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  readonly storeTimestamp: number;
  readonly tagsCode: number;
  readonly properties: Readonly<Record<string, string>>;
}

export interface GoldenTimeQuery {
  readonly topic: string;
  readonly queueId: number;
  readonly timestamp: number;
  readonly lower: number;
  readonly upper: number;
}

/** What Apache's store answers after opening the directory. */
export interface GoldenStoreIndex {
  readonly commitLog: { readonly minOffset: number; readonly maxOffset: number; readonly records: number };
  readonly queues: readonly GoldenQueue[];
  readonly timeQueries: readonly GoldenTimeQuery[];
  readonly messages: readonly GoldenMessage[];
  readonly keyQueries: readonly GoldenKeyQuery[];
}

export interface GoldenKeyQuery {
  readonly topic: string;
  readonly key: string;
  readonly maxNum: number;
  readonly begin: number;
  readonly end: number;
  /** In the order of the index: newest first. */
  readonly physicalOffsets: readonly number[];
  readonly indexLastUpdateTimestamp: number;
  readonly indexLastUpdatePhyoffset: number;
}

type Edit =
  | { readonly op: 'create'; readonly path: string; readonly text: string }
  | { readonly op: 'delete'; readonly path: string }
  | { readonly op: 'zero'; readonly path: string; readonly offset: number; readonly length: number }
  | { readonly op: 'write'; readonly path: string; readonly offset: number; readonly hex: string };

export interface GoldenVariant {
  readonly name: string;
  readonly about: string;
  readonly ops: readonly Edit[];
  readonly expect: string;
}

export function goldenStoreIndex(file: string): GoldenStoreIndex {
  return JSON.parse(gunzipSync(goldenBytes(`store/${file}.gz`)).toString()) as GoldenStoreIndex;
}

export const goldenVariants = goldenJson<{ variants: GoldenVariant[] }>('store/variants.json').variants;

const unpacked = new Map<string, MemoryDisk>();

/** The whole store as it was left, under `/store`; the timer's files, which nothing reads yet, are left out. */
export function goldenStore(name: 'clean' | 'killed'): MemoryDisk {
  const known = unpacked.get(name);
  if (known !== undefined) return known.copy();
  const disk = new MemoryDisk();
  unpacked.set(name, disk);
  readTar(goldenBytes(`store/${name}.tar.gz`), (path, contents) => {
    const within = path.slice(name.length + 1);
    if (!within.startsWith('timer')) disk.put(`/store/${within}`, contents);
  });
  return disk.copy();
}

/** The clean store with a variant's damage. */
export function damagedStore(variant: GoldenVariant): MemoryDisk {
  const disk = goldenStore('clean');
  for (const edit of variant.ops) apply(disk, edit);
  return disk;
}

function apply(disk: MemoryDisk, edit: Edit): void {
  const path = `/store/${edit.path}`;
  if (edit.op === 'create') disk.put(path, edit.text);
  else if (edit.op === 'delete') disk.removeTree(path);
  else if (edit.op === 'zero') disk.bytesOf(path).fill(0, edit.offset, edit.offset + edit.length);
  else disk.bytesOf(path).set(Buffer.from(edit.hex, 'hex'), edit.offset);
}
