/** What a broker must not accept, with Apache's answer codes; and that the client goes on afterwards. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { request } from '../support/probe.ts';
import { javaClient, runClient } from './harness/clients.ts';
import { startTarget, TARGET, type Target } from './harness/target.ts';
import { verified } from './harness/verify.ts';

const MESSAGE_ILLEGAL = 13;
const TOPIC_NOT_EXIST = 17;
const INVALID_PARAMETER = 29;
const CODE_NOT_SUPPORTED = 3;

let target: Target;
beforeAll(async () => {
  target = await startTarget();
});
afterAll(() => target.stop());

describe.each([javaClient('5.3.3'), javaClient('4.9.8')])(`$name at ${TARGET}`, (client) => {
  it('a body over 4 MiB is refused, and the next send works', async () => {
    const options = {
      namesrv: target.namesrv,
      topic: `refuse-${client.name.replace(/[ .]/g, '-')}`,
      'plain-topic': true,
      retries: 0,
    };
    const big = await runClient(client, 'produce', {
      ...options,
      modes: 'sync',
      size: 4 * 1024 * 1024 + 1,
      'compress-over': 2 ** 30,
    });
    expect(big.sent()).toEqual([]);
    expect(big.named('refused')).toMatchObject([{ code: MESSAGE_ILLEGAL }]);
    const small = await runClient(client, 'produce', { ...options, modes: 'sync', count: 3 });
    expect(small.sent().map((message) => message.status)).toEqual(['SEND_OK', 'SEND_OK', 'SEND_OK']);
    verified(`${client.name} refusals`, 'body over 4 MiB answered 13, connection goes on');
  });
});

describe(`raw requests at ${TARGET}`, () => {
  const send = (topic: string, more: Record<string, string> = {}) =>
    request(
      target.broker,
      310,
      {
        a: 'g',
        b: topic,
        c: 'TBW102',
        d: '4',
        e: '0',
        f: '0',
        g: '1700000000000',
        h: '0',
        i: '',
        j: '0',
        k: 'false',
        m: 'false',
        ...more,
      },
      Buffer.from('body'),
    );

  it.each([
    ['a legal one', 'refuse-raw', {}, 0],
    ['a topic with a blank', 'not a topic', {}, INVALID_PARAMETER],
    ['a topic of 128 characters', 't'.repeat(128), {}, INVALID_PARAMETER],
    ['an empty topic', '', {}, INVALID_PARAMETER],
    ['a queue beyond the last', 'refuse-raw', { e: '4' }, INVALID_PARAMETER],
    ['no template to create the topic from', 'refuse-raw-unknown', { c: 'no-template' }, TOPIC_NOT_EXIST],
    ['a topic of the broker', 'SCHEDULE_TOPIC_XXXX', {}, 16],
  ])('%s is answered %s', async (_name, topic, more, code) => {
    const answer = await send(topic, more);
    expect({ code: answer.code, remark: answer.remark }).toMatchObject({ code });
  });

  it('a request code nobody knows is answered 3', async () => {
    expect((await request(target.broker, 4711, {})).code).toBe(CODE_NOT_SUPPORTED);
    expect((await request(target.namesrv, 4711, {})).code).toBe(CODE_NOT_SUPPORTED);
  });
});
