/** What the names and sizes of files tell of the size that all of them are to have. */
import { expect, it } from 'vitest';
import { DEFAULT_STORE_SIZES, type ToldSize, toldSizes } from '../../src/store/store-sizes.ts';
import { MemoryDisk } from '../support/memory-disk.ts';
import { smallPaths } from '../support/small-store.ts';

type Files = Readonly<Record<number, number>>;

const QUEUE_DEFAULT = DEFAULT_STORE_SIZES.queueFileSizeBytes;

/** Of queues with these files: where each begins, and its size. */
function queuesTell(...queues: Files[]): ToldSize | null {
  const disk = new MemoryDisk();
  for (const [i, files] of queues.entries()) put(disk, `${smallPaths.consumeQueue}/T/${i}`, files);
  return toldSizes(disk, smallPaths).queueFileSizeBytes;
}

function logTells(files: Files): ToldSize | null {
  const disk = new MemoryDisk();
  put(disk, smallPaths.commitLog, files);
  return toldSizes(disk, smallPaths).segmentSizeBytes;
}

function put(disk: MemoryDisk, directory: string, files: Files): void {
  for (const [start, size] of Object.entries(files))
    disk.put(`${directory}/${start.padStart(20, '0')}`, new Uint8Array(size));
}

const sure = (bytes: number): ToldSize => ({ bytes, isSure: true });
const guessed = (bytes: number): ToldSize => ({ bytes, isSure: false });

it.each<[what: string, told: ToldSize | null, expected: ToldSize | null]>([
  ['nothing', queuesTell(), null],
  ['a file without a byte', queuesTell({ 0: 0 }), null],
  ['a file of another size than entries have', queuesTell({ 0: 399 }), null],
  ['one file', queuesTell({ 0: 400 }), guessed(400)],
  ['one file, the older ones are gone', queuesTell({ 800: 400 }), guessed(400)],
  ['one file of the default size', queuesTell({ 0: QUEUE_DEFAULT }), sure(QUEUE_DEFAULT)],
  ['two queues', queuesTell({ 0: 400 }, { 0: 400 }), sure(400)],
  ['two files of a queue', queuesTell({ 0: 400, 400: 400 }), sure(400)],
  ['the newest file is short', queuesTell({ 0: 400, 400: 100 }), sure(400)],
  ['the oldest file is short', queuesTell({ 0: 180, 400: 400 }), sure(400)],
  ['a file between them is missing', queuesTell({ 0: 400, 1200: 400 }), sure(400)],
  ['two queues that differ', queuesTell({ 0: 180 }, { 0: 400 }), guessed(400)],
  ['two of three', queuesTell({ 0: 400 }, { 0: 180 }, { 0: 400 }), sure(400)],
  ['three that differ', queuesTell({ 0: 400 }, { 0: 180 }, { 0: 200 }), guessed(400)],
  ['the default, and another', queuesTell({ 0: 400 }, { 0: QUEUE_DEFAULT }), guessed(QUEUE_DEFAULT)],
  ['the default, and more others', queuesTell({ 0: 400 }, { 0: 400 }, { 0: QUEUE_DEFAULT }), guessed(QUEUE_DEFAULT)],
  ['more of the default', queuesTell({ 0: QUEUE_DEFAULT }, { 0: 400 }, { 0: QUEUE_DEFAULT }), sure(QUEUE_DEFAULT)],
  ['a file at a wrong place', queuesTell({ 0: 400, 400: 400, 500: 400 }, { 0: 400 }), sure(400)],
  ['a shorter file at a wrong place', queuesTell({ 0: 400, 400: 400, 500: 100 }), sure(400)],
  ['the only file at a wrong place', queuesTell({ 0: 400, 500: 400 }), guessed(400)],
  ['one file of the log', logTells({ 0: 4000 }), guessed(4000)],
  ['one file of the log, a power of two', logTells({ 0: 4096 }), sure(4096)],
  ['one of an odd size', logTells({ 0: 4097 }), null],
  ['the first is longer', logTells({ 0: 4097, 4096: 4096 }), sure(4096)],
  ['the first is shorter', logTells({ 0: 1024, 4096: 4096 }), sure(4096)],
  ['the newest is short', logTells({ 0: 4096, 4096: 4096, 8192: 1024 }), sure(4096)],
  ['two that lie as far apart as by default', logTells({ 0: 4096, [2 ** 30]: 1000 }), guessed(2 ** 30)],
])('%s', (_what, told, expected) => {
  expect(told).toEqual(expected);
});
