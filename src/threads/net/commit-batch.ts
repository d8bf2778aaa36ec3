/**
 * Offsets that ride on pulls, gathered per group and queue: of many commits of one queue only the last is told to control. They go out
 * every tick, before any other request of this thread, so that whoever asks for an offset finds what it has committed, and before a
 * connection's end, when others take its queues (docs/decisions/0008). Commits of a client whose requests wait for control go behind them
 * instead (control-share.ts).
 */
import type { ToControl } from '../../broker/control-protocol.ts';

export type Commit = Extract<ToControl, { kind: 'commitOffset' }>;

export class CommitBatch {
  readonly #send: (commit: Commit) => void;
  /** By group, then topic, then queue. */
  readonly #groups = new Map<string, Map<string, Map<number, Commit>>>();
  #isEmpty = true;

  constructor(send: (commit: Commit) => void) {
    this.#send = send;
  }

  add(commit: Commit): void {
    const { group, topic, queueId } = commit;
    let topics = this.#groups.get(group);
    if (topics === undefined) {
      topics = new Map();
      this.#groups.set(group, topics);
    }
    let queues = topics.get(topic);
    if (queues === undefined) {
      queues = new Map();
      topics.set(topic, queues);
    }
    queues.set(queueId, commit);
    this.#isEmpty = false;
  }

  flush(): void {
    if (this.#isEmpty) return;
    this.#isEmpty = true;
    for (const topics of this.#groups.values()) {
      for (const queues of topics.values()) for (const commit of queues.values()) this.#send(commit);
    }
    this.#groups.clear();
  }
}
