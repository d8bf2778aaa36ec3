/** Sends and offsets of one queue over single raw connections, for tests of whole servers. */
import { systemClock } from '../../src/base/clock.ts';
import { type Answer, request } from './probe.ts';

const SEND_MESSAGE_V2 = 310;
const GET_MAX_OFFSET = 30;

/** The header of a send to queue 0, which makes the topic when there is none. */
export function sendFields(producerGroup: string, topic: string): Record<string, string> {
  const time = String(systemClock.nowMs());
  return {
    ...{ a: producerGroup, b: topic, c: 'TBW102', d: '4', e: '0', f: '0', g: time, h: '0' },
    ...{ i: '', j: '0', k: 'false', m: 'false' },
  };
}

export function sendText(address: string, topic: string, text: string): Promise<Answer> {
  return request(address, SEND_MESSAGE_V2, sendFields('producers', topic), Buffer.from(text));
}

export async function maxOffsetOf(address: string, topic: string): Promise<number> {
  return Number((await request(address, GET_MAX_OFFSET, { topic, queueId: '0' })).fields.offset);
}
