/** A broker keeps itself known: scripted NameServers, timers by hand. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { BrokerRegistration, type RegistrationOptions } from '../../src/broker/registration.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import type { RemotingCommand } from '../../src/remoting/command.ts';
import { responseTo } from '../../src/remoting/frame-codec.ts';
import { readRegisterBroker } from '../../src/remoting/register-broker.ts';
import type { TopicConfig } from '../../src/remoting/topic-config.ts';
import { registration, topic } from '../support/registrations.ts';

const ONE = '10.1.0.1:9876';
const TWO = '10.1.0.2:9876';

interface Asked {
  readonly address: string;
  readonly request: RemotingCommand;
  readonly timeoutMs: number;
}

/** Stands for the RemotingClient: `behaviour` decides what each NameServer does with a request. */
class ScriptedClient {
  readonly asked: Asked[] = [];
  readonly behaviour = new Map<string, (request: RemotingCommand) => Promise<RemotingCommand>>();

  invoke(address: string, request: RemotingCommand, timeoutMs: number): Promise<RemotingCommand> {
    this.asked.push({ address, request, timeoutMs });
    return this.behaviour.get(address)?.(request) ?? Promise.resolve(responseTo(request, 0));
  }

  /** What an address was asked to register, as lists of topic names. */
  registered(address: string): string[][] {
    return this.asked
      .filter((asked) => asked.address === address && asked.request.code === RequestCode.REGISTER_BROKER)
      .map(({ request }) => readRegisterBroker(request).topics.map(({ topicName }) => topicName));
  }
}

let client: ScriptedClient;
let lines: string[];
let topics: TopicConfig[];
let broker: BrokerRegistration;

function newBroker(options: Partial<RegistrationOptions> = {}): BrokerRegistration {
  const { dataVersion, topics: _topics, queueMappings: _mappings, ...identity } = registration();
  return new BrokerRegistration({
    client,
    nameServers: [ONE, TWO],
    identity,
    topics: () => ({ dataVersion, topics }),
    log: (line, level) => lines.push(`${level}: ${line}`),
    ...options,
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  client = new ScriptedClient();
  lines = [];
  topics = [topic('T1'), topic('T2', { perm: 7 })];
  broker = newBroker();
});

afterEach(async () => {
  client.behaviour.clear();
  await broker.unregisterAll();
  vi.useRealTimers();
});

const refused = (request: RemotingCommand) => Promise.resolve(responseTo(request, 1, 'no'));
/** From now on the NameServer answers its newest request when the returned function is called. */
function holdAnswers(address: string): () => void {
  let answer: () => void = () => {};
  client.behaviour.set(
    address,
    (request) =>
      new Promise((resolve) => {
        answer = () => resolve(responseTo(request, 0));
      }),
  );
  return () => answer();
}

const down = () => Promise.reject(new Error('ECONNREFUSED'));

describe('registration', () => {
  test('goes to every NameServer with everything', async () => {
    await broker.registerAll();
    expect(client.registered(ONE)).toEqual([['T1', 'T2']]);
    expect(client.registered(TWO)).toEqual([['T1', 'T2']]);
    expect(readRegisterBroker(client.asked[0]!.request)).toEqual(registration({ topics }));
    expect(client.asked[0]!.timeoutMs).toBe(24_000);
    expect(broker.registeredAt).toBe(2);
    expect(lines).toEqual([`info: registered at NameServer ${ONE}`, `info: registered at NameServer ${TWO}`]);
  });

  test('is repeated every 30 s with the topics of that moment, without a line each time', async () => {
    broker.start();
    await vi.advanceTimersByTimeAsync(30_000);
    topics.push(topic('T3'));
    await vi.advanceTimersByTimeAsync(30_000);
    expect(client.registered(ONE)).toEqual([
      ['T1', 'T2'],
      ['T1', 'T2', 'T3'],
    ]);
    expect(lines).toHaveLength(2);
  });

  test.each([
    [4, [4, 4]],
    [2, [2, 2]],
    [6, [6, 7]],
  ])('under the broker’s own permission %d shows topics with %j', async (brokerPermission, shown) => {
    broker = newBroker({ brokerPermission });
    await broker.registerAll();
    expect(readRegisterBroker(client.asked[0]!.request).topics.map(({ perm }) => perm)).toEqual(shown);
    expect(topics[0]!.perm).toBe(6);
  });

  test('hands on what a slave learns', async () => {
    const learned: unknown[] = [];
    client.behaviour.set(ONE, (request) =>
      Promise.resolve(responseTo(request, 0, null, new Map([['masterAddr', 'm:1']]))),
    );
    broker = newBroker({ nameServers: [ONE], onAnswer: (answer, from) => learned.push([from, answer.masterAddr]) });
    await broker.registerAll();
    expect(learned).toEqual([[ONE, 'm:1']]);
  });
});

describe('changed topics', () => {
  test('go to every NameServer at once, alone', async () => {
    await broker.registerAll();
    topics.push(topic('T3'));
    broker.topicChanged(['T3']);
    await vi.advanceTimersByTimeAsync(0);
    expect(client.registered(ONE)[1]).toEqual(['T3']);
    expect(client.registered(TWO)[1]).toEqual(['T3']);
  });

  test('that come while a request is under way go together into the next', async () => {
    const answer = holdAnswers(ONE);
    void broker.registerAll();
    topics.push(topic('T3'), topic('T4'));
    broker.topicChanged(['T3']);
    broker.topicChanged(['T4', 'T3']);
    expect(client.registered(ONE)).toHaveLength(1);
    answer();
    await vi.advanceTimersByTimeAsync(0);
    expect(client.registered(ONE)).toEqual([
      ['T1', 'T2'],
      ['T3', 'T4'],
    ]);
    answer();
  });

  test('refused because the NameServer has forgotten the broker: everything follows', async () => {
    await broker.registerAll();
    client.behaviour.set(ONE, (request) => {
      client.behaviour.delete(ONE);
      return refused(request);
    });
    broker.topicChanged(['T2']);
    await vi.advanceTimersByTimeAsync(0);
    expect(client.registered(ONE)).toEqual([['T1', 'T2'], ['T2'], ['T1', 'T2']]);
    expect(client.registered(TWO)).toHaveLength(2);
  });
});

describe('a NameServer that fails', () => {
  test('does not delay the others, is logged once, is tried again and logged when it is back', async () => {
    client.behaviour.set(ONE, down);
    await broker.registerAll();
    expect(broker.registeredAt).toBe(1);
    await vi.advanceTimersByTimeAsync(3_000);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(client.registered(ONE)).toHaveLength(3);
    expect(client.registered(TWO)).toHaveLength(1);
    client.behaviour.delete(ONE);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(broker.registeredAt).toBe(2);
    await vi.advanceTimersByTimeAsync(29_000);
    expect(client.registered(ONE)).toHaveLength(4);
    expect(lines.sort()).toEqual([
      `info: registered at NameServer ${ONE}`,
      `info: registered at NameServer ${TWO}`,
      `warn: not registered at NameServer ${ONE}: ECONNREFUSED`,
    ]);
  });

  test('by hanging: the others get changes at once', async () => {
    client.behaviour.set(ONE, () => new Promise(() => {}));
    void broker.registerAll();
    await vi.advanceTimersByTimeAsync(0);
    broker.topicChanged(['T1']);
    await vi.advanceTimersByTimeAsync(0);
    expect(client.registered(TWO)).toEqual([['T1', 'T2'], ['T1']]);
  });

  test('by refusing everything: not an endless loop', async () => {
    client.behaviour.set(ONE, refused);
    await broker.registerAll();
    expect(client.registered(ONE)).toHaveLength(1);
    expect(lines).toContain(`warn: not registered at NameServer ${ONE}: answer 1, no`);
  });

  test('whose connection goes is told everything again soon', async () => {
    await broker.registerAll();
    broker.connectionLost(ONE);
    expect(broker.registeredAt).toBe(1);
    await vi.advanceTimersByTimeAsync(3_000);
    expect(client.registered(ONE)).toHaveLength(2);
    expect(client.registered(TWO)).toHaveLength(1);
    expect(broker.registeredAt).toBe(2);
  });
});

describe('stopping', () => {
  const unregistered = () =>
    client.asked.filter(({ request }) => request.code === RequestCode.UNREGISTER_BROKER).map(({ address }) => address);

  test('withdraws everywhere and ends the timers', async () => {
    await broker.registerAll();
    broker.start();
    await broker.unregisterAll();
    expect(unregistered()).toEqual([ONE, TWO]);
    await vi.advanceTimersByTimeAsync(100_000);
    expect(client.asked).toHaveLength(4);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('does not wait for a NameServer that is down, and outlives one that fails', async () => {
    client.behaviour.set(ONE, down);
    await broker.registerAll();
    client.behaviour.set(TWO, down);
    await broker.unregisterAll();
    expect(lines).toContain(`warn: could not unregister at NameServer ${TWO}: ECONNREFUSED`);
    expect(unregistered()).toEqual([TWO]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('ends a retry that waits and a change that has not been sent', async () => {
    const answer = holdAnswers(ONE);
    void broker.registerAll();
    broker.topicChanged(['T1']);
    const stopped = broker.unregisterAll();
    answer();
    await vi.advanceTimersByTimeAsync(0);
    answer();
    await stopped;
    expect(client.registered(ONE)).toHaveLength(1);
  });
});
