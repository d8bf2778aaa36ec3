/** A server that is stopped or killed while clients send: what they were told is there is there after the next start. */
import { expect, it } from 'vitest';
import { systemClock } from '../../src/base/clock.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { RemotingClient } from '../../src/transport/remoting-client.ts';
import { temporaryFolder } from '../support/folders.ts';
import { request } from '../support/probe.ts';
import { sendFields } from '../support/raw-sends.ts';
import { readyJson, resultOf, ringmq } from './ringmq.ts';

const QUEUES = 4;
const SENDERS = 32;
const ENOUGH = 2000;
const TIMEOUT_MS = 10_000;
/** After so long a stop gives up answers that it still owes (docs/operations.md). */
const OWED_MS = 2000;
const BODY = Buffer.alloc(512, 'x');

function standalone(store: string, flush: string) {
  const ports = ['--namesrv-port', '0', '--broker-port', '0'];
  const small = ['--set', 'mappedFileSizeCommitLog=1048576'];
  return ringmq(['standalone', '--store', store, '--flush', flush, ...ports, ...small, '--json']);
}

/** Sends until the connection is gone; `acknowledged` counts answers of success only. */
class Load {
  acknowledged = 0;
  readonly #client = new RemotingClient();

  async run(address: string): Promise<void> {
    await Promise.allSettled(Array.from({ length: SENDERS }, (_, sender) => this.#send(address, sender % QUEUES)));
    this.#client.close();
  }

  async #send(address: string, queue: number): Promise<void> {
    for (;;) {
      const fields = new Map(Object.entries({ ...sendFields('load', 'load'), e: String(queue) }));
      const answer = await this.#client.invoke(
        address,
        requestOf(RequestCode.SEND_MESSAGE_V2, 0, fields, BODY),
        TIMEOUT_MS,
      );
      if (answer.code !== 0) throw new Error(`${answer.code}: ${answer.remark}`);
      this.acknowledged++;
    }
  }
}

async function stored(address: string): Promise<number> {
  let sum = 0;
  for (let queueId = 0; queueId < QUEUES; queueId++) {
    const answer = await request(address, RequestCode.GET_MAX_OFFSET, { topic: 'load', queueId: String(queueId) });
    sum += Number(answer.fields.offset);
  }
  return sum;
}

it.each([
  ['async', 'SIGTERM', 0],
  ['sync', 'SIGTERM', 0],
  ['async', 'SIGKILL', null],
  ['sync', 'SIGKILL', null],
] as const)('%s flush, %s: nothing that was acknowledged is lost', async (flush, signal, code) => {
  const store = `${temporaryFolder('load')}/store`;
  const first = standalone(store, flush);
  const { broker } = await readyJson(first);
  const load = new Load();
  const sending = load.run(broker as string);
  await first.until('enough messages', 15_000, () => load.acknowledged > ENOUGH);
  const signalledUs = systemClock.monotonicUs();
  first.signal(signal);
  await sending;
  const endedMs = (systemClock.monotonicUs() - signalledUs) / 1000;
  expect((await resultOf(first)).code).toBe(code);
  const second = await readyJson(standalone(store, flush));
  const found = await stored(second.broker as string);
  expect(found).toBeGreaterThanOrEqual(load.acknowledged);
  // A stop answers whatever it stores, while it has the time. Killed, or late, it may leave what was under way without an answer, and
  // nothing more than that.
  const hasAnsweredAll = signal === 'SIGTERM' && endedMs < OWED_MS;
  expect(found).toBeLessThanOrEqual(load.acknowledged + (hasAnsweredAll ? 0 : SENDERS));
});
