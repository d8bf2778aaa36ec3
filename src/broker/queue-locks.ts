/**
 * Which client consumes which queue in order (spec/api.md 11). A lock lives for a minute after its last renewal; then anyone may take it.
 * A pure table of control: the time is handed in.
 */

export interface MessageQueue {
  readonly brokerName: string;
  readonly queueId: number;
  readonly topic: string;
}

interface Lock {
  clientId: string;
  renewedMs: number;
}

export class QueueLocks {
  readonly #liveTimeMs: number;
  /** Group -> queue -> holder. */
  readonly #groups = new Map<string, Map<string, Lock>>();

  constructor(liveTimeMs: number) {
    this.#liveTimeMs = liveTimeMs;
  }

  /** Takes or renews what it can and returns it; queues that others hold are left out. */
  lock(group: string, clientId: string, queues: readonly MessageQueue[], nowMs: number): MessageQueue[] {
    const locks = this.#groups.get(group) ?? new Map<string, Lock>();
    this.#groups.set(group, locks);
    return queues.filter((queue) => {
      const key = keyOf(queue);
      const lock = locks.get(key);
      if (lock !== undefined && lock.clientId !== clientId && this.#isLive(lock, nowMs)) return false;
      locks.set(key, { clientId, renewedMs: nowMs });
      return true;
    });
  }

  /** Releases those of the queues that this client holds. */
  unlock(group: string, clientId: string, queues: readonly MessageQueue[]): void {
    const locks = this.#groups.get(group);
    if (locks === undefined) return;
    for (const queue of queues) {
      const key = keyOf(queue);
      if (locks.get(key)?.clientId === clientId) locks.delete(key);
    }
    if (locks.size === 0) this.#groups.delete(group);
  }

  /** Forgets what has expired, so that groups that are gone leave nothing behind. */
  removeExpired(nowMs: number): void {
    for (const [group, locks] of this.#groups) {
      for (const [key, lock] of locks) if (!this.#isLive(lock, nowMs)) locks.delete(key);
      if (locks.size === 0) this.#groups.delete(group);
    }
  }

  #isLive(lock: Lock, nowMs: number): boolean {
    return nowMs - lock.renewedMs <= this.#liveTimeMs;
  }
}

/** The topic has no `@`, the queue id is a number: no two queues share a key. */
function keyOf({ topic, queueId, brokerName }: MessageQueue): string {
  return `${topic}@${queueId}@${brokerName}`;
}
