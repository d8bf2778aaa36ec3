import { describe, expect, it } from 'vitest';
import { ByteBudget, WaitingRequests } from '../../src/broker/waiting-requests.ts';
import { TestReply } from './pull-harness.ts';

const reply = new TestReply(1);

describe('requests that wait', () => {
  it('are copies of their frames, in order', () => {
    const waiting = new WaitingRequests(new ByteBudget(1000));
    const chunk = Buffer.from('..abc..');
    expect(waiting.add(reply, chunk, 2, 5, 17)).toBe(true);
    expect(waiting.add(reply, chunk, 3, 4, 18)).toBe(true);
    chunk.fill('#');
    expect(Buffer.from(waiting.first()!.frame).toString()).toBe('abc');
    waiting.removeFirst();
    expect(waiting.first()).toMatchObject({ sinceUs: 18 });
    expect(waiting.count).toBe(1);
    waiting.removeFirst();
    expect(waiting.first()).toBeUndefined();
  });

  it('are bounded in bytes, which come back', () => {
    const waiting = new WaitingRequests(new ByteBudget(10));
    expect(waiting.add(reply, Buffer.alloc(10), 0, 10, 0)).toBe(true);
    expect(waiting.add(reply, Buffer.alloc(1), 0, 1, 0)).toBe(false);
    waiting.removeFirst();
    expect(waiting.add(reply, Buffer.alloc(10), 0, 10, 0)).toBe(true);
  });

  it('share their bytes with other lists', () => {
    const budget = new ByteBudget(10);
    const [one, other] = [new WaitingRequests(budget), new WaitingRequests(budget)];
    expect(one.add(reply, Buffer.alloc(8), 0, 8, 0)).toBe(true);
    expect(other.add(reply, Buffer.alloc(3), 0, 3, 0)).toBe(false);
    one.removeFirst();
    expect(other.add(reply, Buffer.alloc(3), 0, 3, 0)).toBe(true);
  });

  it('may come and go for ever', () => {
    const waiting = new WaitingRequests(new ByteBudget(1000));
    for (let i = 0; i < 5000; i++) {
      expect(waiting.add(reply, Buffer.alloc(10), 0, 10, i)).toBe(true);
      if (i < 50) continue;
      expect(waiting.first()!.sinceUs).toBe(i - 50);
      waiting.removeFirst();
    }
    expect(waiting.count).toBe(50);
  });
});
