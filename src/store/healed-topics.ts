/**
 * Records whose topic was damaged on the disk. No checksum covers it, but their queue lacks them where they lie, and they still say its id
 * and the offset that it lacks: so their topic is known. Verify and repair put it in its place, in memory ({@link LogScanner.healTopic}),
 * and then take the record for what it was. Pure; asked by verify-store.ts between its looks at the log.
 */
import type { RowBreak } from './expected-entries.ts';
import type { HealedTopic } from './log-scanner.ts';
import { type QueueFolder, queueName } from './queue-folders.ts';
import type { LogPicture } from './verify-log.ts';
import type { QueueResult } from './verify-queue.ts';
import type { NamelessRecord, SliceQueue } from './verify-slice.ts';

/** A record that may say another topic than its own. */
interface Suspect extends NamelessRecord {
  /** What it says; null when that is no topic. */
  readonly topic: string | null;
  /** It is all that there is of the queue that it says. */
  readonly isAlone: boolean;
}

/** Those that a queue lacks between two others. */
export function topicsByGaps(log: LogPicture): HealedTopic[] {
  const broken = log.queues.filter(({ rowBreaks }) => rowBreaks.length > 0);
  if (broken.length === 0) return [];
  const suspects = new Map<string, Suspect[]>();
  for (const suspect of suspectsOf(log)) {
    const place = placeOf(suspect);
    suspects.set(place, [...(suspects.get(place) ?? []), suspect]);
  }
  return broken.flatMap((queue) => queue.rowBreaks.flatMap((gap) => healGap(queue, gap, suspects)));
}

/** All of the gap or nothing of it. */
function healGap(
  { topic, queueId }: SliceQueue,
  { behind, expected, at, found }: RowBreak,
  suspects: ReadonlyMap<string, readonly Suspect[]>,
): HealedTopic[] {
  const healed: HealedTopic[] = [];
  for (let queueOffset = expected; queueOffset < found; queueOffset++) {
    const there = suspects
      .get(placeOf({ queueId, queueOffset }))
      ?.filter((suspect) => suspect.at > behind && suspect.at < at && canBeOf(suspect, topic));
    if (there?.length !== 1) return [];
    healed.push({ at: there[0]!.at, topic });
  }
  return healed;
}

/** Those that the file of a queue has an entry of, before or behind all that say they are of it. */
export function topicsByEntries(
  log: LogPicture,
  queues: readonly QueueResult[],
  folders: readonly QueueFolder[],
): HealedTopic[] {
  const unclaimed = queues.filter((result) => result.unclaimed.length > 0);
  if (unclaimed.length === 0) return [];
  const suspects = new Map([...suspectsOf(log)].map((suspect) => [suspect.at, suspect]));
  const hasFiles = new Set(folders.map(queueName));
  return unclaimed.flatMap(({ queue: { topic, queueId }, unclaimed: entries }) =>
    entries.flatMap(({ logOffset: at, queueOffset }) => {
      const suspect = suspects.get(at);
      const isIt =
        suspect?.queueId === queueId &&
        suspect.queueOffset === queueOffset &&
        canBeOf(suspect, topic) &&
        !(suspect.isAlone && hasFiles.has(queueName({ topic: suspect.topic!, queueId })));
      return isIt ? [{ at, topic }] : [];
    }),
  );
}

function placeOf({ queueId, queueOffset }: Pick<Suspect, 'queueId' | 'queueOffset'>): string {
  return `${queueId}/${queueOffset}`;
}

function canBeOf(suspect: Suspect, topic: string): boolean {
  return suspect.topic !== topic && suspect.topicLength === Buffer.byteLength(topic);
}

/** A record that says another queue than its own is out of the row there, or alone. Each comes once. */
function suspectsOf({ nameless, queues }: LogPicture): Iterable<Suspect> {
  const suspects = new Map<number, Suspect>();
  for (const record of nameless) suspects.set(record.at, { ...record, topic: null, isAlone: false });
  for (const { topic, queueId, first, firstLogOffset, lastLogOffset, rowBreaks } of queues) {
    const isAlone = firstLogOffset === lastLogOffset;
    const suspect = (at: number, queueOffset: number): void => {
      suspects.set(at, { at, queueId, queueOffset, topic, topicLength: Buffer.byteLength(topic), isAlone });
    };
    if (isAlone) suspect(firstLogOffset, first);
    for (const { behind, expected, at, found } of rowBreaks) {
      suspect(behind, expected - 1);
      suspect(at, found);
    }
  }
  return suspects.values();
}
