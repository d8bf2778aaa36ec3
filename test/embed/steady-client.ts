/**
 * A process that sends one message after the other and asks for the route all the while, and tells how well it was served in a span of
 * time. Spawned by start-standalone.test.ts with the NameServer's and the broker's address.
 *
 * stdout: `warm` when it is running; stdin: `<from> <to>` in monotonic microseconds; stdout: a Service as JSON, then it ends.
 */
import { createInterface } from 'node:readline';
import { systemClock } from '../../src/base/clock.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { RemotingClient } from '../../src/transport/remoting-client.ts';
import { sendFields } from '../support/raw-sends.ts';

export interface Service {
  readonly sends: Steadiness;
  readonly routes: Steadiness;
}

export interface Steadiness {
  readonly answers: number;
  /** Longest time without an answer, the ends of the span included. */
  readonly longestGapMs: number;
  /** Answers other than success, over the whole time. */
  readonly refused: number;
}

const TIMEOUT_MS = 10_000;
const WARM_ANSWERS = 100;
const BODY = Buffer.alloc(1024, 'x');

class Loop {
  readonly #timesUs: number[] = [];
  #refused = 0;

  async run(client: RemotingClient, address: string, request: () => RemotingCommand): Promise<void> {
    for (;;) {
      const answer = await client.invoke(address, request(), TIMEOUT_MS);
      this.#timesUs.push(systemClock.monotonicUs());
      if (answer.code !== 0) this.#refused++;
    }
  }

  get answers(): number {
    return this.#timesUs.length;
  }

  within(fromUs: number, toUs: number): Steadiness {
    const inside = this.#timesUs.filter((time) => time >= fromUs && time <= toUs);
    const marks = [fromUs, ...inside, toUs];
    const gaps = marks.slice(1).map((time, at) => time - marks[at]!);
    return { answers: inside.length, longestGapMs: Math.max(...gaps) / 1000, refused: this.#refused };
  }
}

function sendRequest(): RemotingCommand {
  const header = new Map(Object.entries(sendFields('steady', 'steady')));
  return requestOf(RequestCode.SEND_MESSAGE_V2, 0, header, BODY);
}

function routeRequest(): RemotingCommand {
  return requestOf(RequestCode.GET_ROUTEINFO_BY_TOPIC, 0, new Map([['topic', 'steady']]));
}

const [nameServer, broker] = process.argv.slice(2) as [string, string];
const client = new RemotingClient();
const sends = new Loop();
const routes = new Loop();

createInterface({ input: process.stdin }).once('line', (line) => {
  const [from, to] = line.split(' ').map(Number) as [number, number];
  const service: Service = { sends: sends.within(from, to), routes: routes.within(from, to) };
  process.stdout.write(`${JSON.stringify(service)}\n`, () => process.exit(0));
});

const answer = await client.invoke(broker, sendRequest(), TIMEOUT_MS);
if (answer.code !== 0) throw new Error(`the first send was answered ${answer.code}: ${answer.remark}`);
const warm = setInterval(() => {
  if (sends.answers < WARM_ANSWERS || routes.answers < WARM_ANSWERS) return;
  clearInterval(warm);
  process.stdout.write('warm\n');
}, 5);
await Promise.all([sends.run(client, broker, sendRequest), routes.run(client, nameServer, routeRequest)]);
