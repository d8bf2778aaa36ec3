import { describe, expect, it } from 'vitest';
import { RequestCode, ResponseCode } from '../../src/remoting/codes.ts';
import { bodyOf, ControlHarness } from './coordinator-harness.ts';

const queue = (queueId: number): object => ({ brokerName: 'broker-a', queueId, topic: 'T' });

function harness(): ControlHarness {
  const control = new ControlHarness();
  control.open(1);
  return control;
}

function lock(control: ControlHarness, clientId: string, queueIds: number[], more: object = {}): number[] {
  const body = { clientId, consumerGroup: 'G', mqSet: queueIds.map(queue), onlyThisBroker: false, ...more };
  const { lockOKMQSet } = bodyOf(control.request(1, RequestCode.LOCK_BATCH_MQ, {}, body));
  return (lockOKMQSet as { queueId: number }[]).map(({ queueId }) => queueId);
}

function unlock(control: ControlHarness, clientId: string, queueIds: number[]): number {
  const body = { clientId, consumerGroup: 'G', mqSet: queueIds.map(queue) };
  return control.request(1, RequestCode.UNLOCK_BATCH_MQ, {}, body).code;
}

describe('41 and 42 (spec/api.md 11)', () => {
  it('leave out what another client holds, without an error', () => {
    const control = harness();
    expect(lock(control, 'a', [0, 1])).toEqual([0, 1]);
    expect(lock(control, 'b', [1, 2])).toEqual([2]);
  });

  it('keep groups apart', () => {
    const control = harness();
    lock(control, 'a', [0]);
    expect(lock(control, 'b', [0], { consumerGroup: 'H' })).toEqual([0]);
  });

  it('accept onlyThisBroker', () => {
    expect(lock(harness(), 'a', [0], { onlyThisBroker: true })).toEqual([0]);
  });

  it('give a lock to another client 60 s after its last renewal, not earlier', () => {
    const control = harness();
    lock(control, 'a', [0]);
    control.clock.pass(30_000);
    expect(lock(control, 'a', [0])).toEqual([0]);
    control.clock.pass(60_000);
    expect(lock(control, 'b', [0])).toEqual([]);
    control.clock.pass(1);
    expect(lock(control, 'b', [0])).toEqual([0]);
  });

  it('release only what the client holds itself', () => {
    const control = harness();
    lock(control, 'a', [0]);
    expect(unlock(control, 'b', [0])).toBe(ResponseCode.SUCCESS);
    expect(lock(control, 'b', [0])).toEqual([]);
    expect(unlock(control, 'a', [0, 5])).toBe(ResponseCode.SUCCESS);
    expect(lock(control, 'b', [0])).toEqual([0]);
  });

  it('do not depend on the wall clock', () => {
    const control = harness();
    lock(control, 'a', [0]);
    control.clock.wallMs += 3_600_000;
    expect(lock(control, 'b', [0])).toEqual([]);
  });

  it('answer SYSTEM_ERROR without a body', () => {
    expect(harness().request(1, RequestCode.LOCK_BATCH_MQ).code).toBe(ResponseCode.SYSTEM_ERROR);
  });
});
