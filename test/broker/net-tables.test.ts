import { describe, expect, it } from 'vitest';
import type { TopicView } from '../../src/broker/control-protocol.ts';
import { NetTables } from '../../src/broker/net-tables.ts';
import { plainTopic } from '../support/plain-views.ts';

const view = (name: string, queues = 1): TopicView =>
  plainTopic(
    name,
    Array.from({ length: queues }, (_, queueId) => queueId),
  );

describe('what a net thread knows', () => {
  const tables = new NetTables();
  /** As a name lies in a frame. */
  const topic = (name: string) => {
    const bytes = Buffer.from(`##${name}##`);
    return tables.topic(bytes, 2, bytes.length - 2);
  };

  it('is found by the bytes of a name, replaced, and taken away', () => {
    expect(topic('T')).toBeNull();
    expect(tables.take({ kind: 'topic', topic: view('T') })).toBe(true);
    tables.take({ kind: 'topic', topic: view('T2') });
    expect(topic('T')!.view.readQueueNums).toBe(1);
    tables.take({ kind: 'topic', topic: view('T', 8) });
    expect(topic('T')!.view.readQueueNums).toBe(8);
    expect(Buffer.from(topic('T')!.nameBytes).toString()).toBe('T');
    tables.take({ kind: 'topicGone', name: 'T' });
    expect(topic('T')).toBeNull();
    expect(topic('T2')).not.toBeNull();
  });

  it('says why nobody may send to a topic', () => {
    tables.take({ kind: 'topic', topic: view('SCHEDULE_TOPIC_XXXX') });
    expect(topic('SCHEDULE_TOPIC_XXXX')!.sendRefusal).toMatchObject({ code: 16 });
    expect(topic('T2')!.sendRefusal).toBeNull();
  });

  it('holds groups and their live members', () => {
    const bytes = Buffer.from('G');
    const consumers = { messageModel: 'CLUSTERING', subscriptions: [] } as const;
    tables.take({ kind: 'consumers', group: 'G', consumers });
    expect(tables.consumers(bytes, 0, 1)).toEqual(consumers);
    tables.take({ kind: 'consumers', group: 'G', consumers: null });
    expect(tables.consumers(bytes, 0, 1)).toBeNull();
    expect(tables.group(bytes, 0, 1)).toBeNull();
  });

  it('leaves to others what is not for tables', () => {
    expect(tables.take({ kind: 'close', connectionId: 1, reason: '' })).toBe(false);
    expect(tables.take({ kind: 'carriedOut', count: 1 })).toBe(false);
  });
});
