/**
 * A process of its own for cold-read-pool.test.ts, started with a low limit of descriptors. Uses all but so many of them up, asks for more
 * reads than the pool takes at a time, gives the descriptors back and asks once more. Prints what became of the reads.
 */
import { closeSync, openSync } from 'node:fs';
import { asLogOffset } from '../../../src/base/units.ts';
import type { ColdBytes } from '../../../src/broker/cold-reads.ts';
import { coldReadPool } from '../../../src/threads/pool/cold-read-pool.ts';

const READS = 6;

const [directory = '', left = '0'] = process.argv.slice(2);
const reads = coldReadPool(
  { directory, segmentSizeBytes: 4096 },
  () => 0,
  (callback) => callback(),
);

function read(): Promise<string> {
  return new Promise((resolve) => {
    reads.read([{ offset: asLogOffset(0), length: 10 }], (result: ColdBytes | Error) =>
      resolve(result instanceof Error ? result.message : `${result.lengths}`),
    );
  });
}

const held: number[] = [];
try {
  for (;;) held.push(openSync('/dev/null', 'r'));
} catch {
  for (let i = 0; i < Number(left); i++) closeSync(held.pop()!);
}
const short = await Promise.all(Array.from({ length: READS }, read));
for (const descriptor of held) closeSync(descriptor);
console.log(JSON.stringify({ short, afterwards: await read() }));
await reads.close();
