/**
 * What is damaged of the records of a log. What a repair decides by it is whole, however much is damaged; only the words for it are few.
 * Gathered by verify-slice.ts, put together by verify-log.ts.
 */
import { queueName } from './queue-folders.ts';

/**
 * What of a record is damaged: a sector of its properties is zero in the third. A start ends the log at the first three; the others it does
 * not see. `name`: it says a topic that is not its own.
 */
export type RecordFault = 'topic' | 'body' | 'sector' | 'properties' | 'name';

export interface DamagedRecord {
  readonly fault: RecordFault;
  readonly at: number;
  readonly size: number;
  readonly topic: string;
  readonly queueId: number;
  readonly queueOffset: number;
  /** The topic that is known to be its own, where it says another or none. */
  readonly ownTopic: string | null;
}

export interface RecordDamage {
  /** Log offsets of all damaged records, in order. */
  readonly at: readonly number[];
  /** Of those among them that a start sees. */
  readonly endsLogAt: readonly number[];
  /** Queues with records whose properties are damaged: their entries and the index know tags and keys that the log does not have any more. */
  readonly bruisedQueues: ReadonlySet<string>;
  /** The first of each slice. */
  readonly described: readonly DamagedRecord[];
}

const DESCRIBED_MAX = 100;

export class DamageGatherer {
  readonly #at: number[] = [];
  readonly #endsLogAt: number[] = [];
  readonly #bruisedQueues = new Set<string>();
  readonly #described: DamagedRecord[] = [];

  add(record: DamagedRecord): void {
    const { fault, at } = record;
    this.#at.push(at);
    if (fault !== 'properties' && fault !== 'name' && this.#endsLogAt.at(-1) !== at) this.#endsLogAt.push(at);
    if (fault === 'properties' || fault === 'sector') this.#bruisedQueues.add(queueName(record));
    if (this.#described.length < DESCRIBED_MAX) this.#described.push(record);
  }

  damage(): RecordDamage {
    return {
      at: this.#at,
      endsLogAt: this.#endsLogAt,
      bruisedQueues: this.#bruisedQueues,
      described: this.#described,
    };
  }
}

/** The parts are in the order of the log. */
export function joinDamage(parts: readonly RecordDamage[]): RecordDamage {
  return {
    at: parts.flatMap(({ at }) => at),
    endsLogAt: parts.flatMap(({ endsLogAt }) => endsLogAt),
    bruisedQueues: new Set(parts.flatMap(({ bruisedQueues }) => [...bruisedQueues])),
    described: parts.flatMap(({ described }) => described),
  };
}
