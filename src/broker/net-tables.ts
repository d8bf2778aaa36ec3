/**
 * What a net thread knows of topics, groups and live consumers: the views that control sends, found by the bytes of a name as they lie in
 * a frame. Written by the net agent in the order in which control speaks, read by the send and pull families of the same thread.
 */
import { ByteKeyedMap } from '../base/byte-keyed-map.ts';
import type { ConsumerGroupView, FromControl, GroupView, TopicView } from './control-protocol.ts';
import type { Refusal } from './refusal.ts';
import { refusedTopic } from './send-checks.ts';

/** A topic as sends and pulls use it; the object is replaced when control sends a new view. */
export interface NetTopic {
  readonly view: TopicView;
  /** The name as records hold it. */
  readonly nameBytes: Uint8Array;
  /** Why nobody may send to a topic of this name; null when its name is no obstacle. */
  readonly sendRefusal: Refusal | null;
}

export class NetTables {
  readonly #topics = new ByteKeyedMap<NetTopic | null>();
  readonly #groups = new ByteKeyedMap<GroupView | null>();
  readonly #consumers = new ByteKeyedMap<ConsumerGroupView | null>();

  topic(bytes: Uint8Array, start: number, end: number): NetTopic | null {
    return this.#topics.get(bytes, start, end) ?? null;
  }

  group(bytes: Uint8Array, start: number, end: number): GroupView | null {
    return this.#groups.get(bytes, start, end) ?? null;
  }

  /** The live members of a group; null when there are none. */
  consumers(bytes: Uint8Array, start: number, end: number): ConsumerGroupView | null {
    return this.#consumers.get(bytes, start, end) ?? null;
  }

  /** Takes an update. False for a message that is none of these tables'. */
  take(message: FromControl): boolean {
    switch (message.kind) {
      case 'topic': {
        const { topic } = message;
        const nameBytes = Buffer.from(topic.name);
        this.#topics.set(nameBytes, { view: topic, nameBytes, sendRefusal: refusedTopic(topic.name) });
        return true;
      }
      case 'topicGone':
        this.#topics.set(Buffer.from(message.name), null);
        return true;
      case 'group':
        this.#groups.set(Buffer.from(message.group.name), message.group);
        return true;
      case 'groupGone':
        this.#groups.set(Buffer.from(message.name), null);
        return true;
      case 'consumers':
        this.#consumers.set(Buffer.from(message.group), message.consumers);
        return true;
      default:
        return false;
    }
  }
}
