/**
 * docs/threads.md, made from src/threads/topology.ts: the picture out of its first comment, the threads and what they own, and who shares a
 * worker in each placement. The test beside it compares; `UPDATE_DOCS=1 npx vitest run dist/test/tidy` rewrites the page.
 */
import { PLACEMENTS } from '../../src/broker/broker-settings.ts';
import { THREADS, workersOf } from '../../src/threads/topology.ts';

const WAITS = { events: 'in its event loop', blocks: 'blocked on its bell' } as const;

/** The whole page; `source` is the text of topology.ts. */
export function threadsPage(source: string): string {
  const rows = Object.values(THREADS).map(({ name, waits, owns }) => `| ${name} | ${WAITS[waits]} | ${owns} |`);
  const placements = PLACEMENTS.map((placement) => {
    const workers = workersOf(placement, 1).map((agents) => agents.join(' + '));
    return `| ${placement} | ${placement === 'inline' ? "the caller's thread: " : ''}${workers.join(' · ')} |`;
  });
  return `# Threads

Generated from \`src/threads/topology.ts\`, which opens every end of a ring or watermark by the name of its thread, so that the type check keeps
everybody else from writing.

\`\`\`
${pictureOf(source)}
\`\`\`

| Thread | Waits | Owns: it is the only writer of |
|---|---|---|
${rows.join('\n')}

A thread that owns sockets or ports waits in its event loop; one that does not is blocked on its bell. Cold reads leave net for a pool of
workers (piscina). The program's own thread owns nothing of this. A NameServer started by a program has one more thread.

## Placements

Agents joined by + share a worker; which they are is the setting \`placement\`.

| Placement | Workers |
|---|---|
${placements.join('\n')}

With \`netThreads\` above 1 (Node 22.12 or newer, placement full) there is a net thread for each, with rings of its own.
`;
}

/** What stands between the fences in the first comment. */
function pictureOf(source: string): string {
  const comment = source.slice(0, source.indexOf('*/'));
  const lines = comment.split('\n').map((line) => line.replace(/^ \* ?/, ''));
  const begin = lines.indexOf('```');
  const end = lines.indexOf('```', begin + 1);
  if (begin < 0 || end < 0) throw new Error('topology.ts opens with a picture between ``` lines');
  return lines.slice(begin + 1, end).join('\n');
}
