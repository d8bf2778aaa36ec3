/** Requests that the recordings do not show: dialects, switched-off lists, settings, key-value files, bad headers and bodies. */
import { describe, expect, test } from 'vitest';
import type { TextFile } from '../../src/nameserver/kv-config.ts';
import { RequestCode } from '../../src/remoting/codes.ts';
import { HeaderError } from '../../src/remoting/command.ts';
import { requestOf } from '../../src/remoting/frame-codec.ts';
import { registerBrokerRequest } from '../../src/remoting/register-broker.ts';
import { registration, slaveRegistration, topic } from '../support/registrations.ts';
import { Handlers, textOf } from './context.ts';

/** Master and slave of broker-a. */
function withBrokers(settings = {}): Handlers {
  const handlers = new Handlers(settings);
  handlers.handle(registerBrokerRequest(registration({ zoneName: 'west' })), 1);
  handlers.handle(registerBrokerRequest(slaveRegistration({ zoneName: 'west' })), 2);
  return handlers;
}

describe('route of a topic', () => {
  const QUOTED = '"brokerAddrs":{"0":"10.0.0.1:10911","1":"10.0.0.2:10911"}';
  const BARE = '"brokerAddrs":{0:"10.0.0.1:10911",1:"10.0.0.2:10911"}';
  const route = (version: number, fields: Record<string, string> = {}) =>
    textOf(withBrokers().ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'T1', ...fields }, null, version));

  test('is standard JSON from version 401, and when asked for; the old dialect otherwise', () => {
    expect(route(401)).toContain(QUOTED);
    expect(route(400)).toContain(BARE);
    expect(route(317, { acceptStandardJsonOnly: 'true' })).toContain(QUOTED);
    expect(route(479, { acceptStandardJsonOnly: 'false' })).toContain(QUOTED);
  });

  test('escapes what is not ASCII in the standard form', () => {
    const handlers = new Handlers();
    handlers.handle(registerBrokerRequest(registration({ clusterName: 'Zürich' })));
    expect(textOf(handlers.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'T1' }))).toContain('"Z\\u00FCrich"');
  });

  test('within a zone, in the old dialect; without a zone name as ever', () => {
    expect(route(479, { __ZONE_MODE: 'true', __ZONE_NAME: 'WEST' })).toContain(BARE);
    expect(JSON.parse(route(479, { __ZONE_MODE: 'true', __ZONE_NAME: 'east' }))).toMatchObject({
      brokerDatas: [],
      queueDatas: [],
    });
    expect(route(479, { __ZONE_MODE: 'true', __ZONE_NAME: ' ' })).toContain(QUOTED);
    expect(route(479, { __ZONE_NAME: 'east' })).toContain(QUOTED);
  });

  test.each([
    ['the host that the client has dialled', true, '127.0.0.1', '127.0.0.1', '10.0.0.7:10911'],
    ['its own when it named one', false, '127.0.0.1', '127.0.0.1', '127.0.0.1:10911'],
    ['its own when it lives on another machine', true, '192.168.1.2', '192.168.1.1', '127.0.0.1:10911'],
  ])('shows for a broker %s', (_case, asDialled, brokerFrom, brokerTo, shown) => {
    const handlers = new Handlers();
    const request = registerBrokerRequest(registration({ brokerAddr: '127.0.0.1:10911', asDialled }));
    handlers.handle(request, 1, brokerFrom, brokerTo);
    const question = (code: number) => requestOf(code, 1, new Map([['topic', 'T1']]));
    const ask = (code: number) => textOf(handlers.handle(question(code), 2, '10.0.0.99', '::ffff:10.0.0.7'));
    expect(ask(RequestCode.GET_ROUTEINFO_BY_TOPIC)).toContain(shown);
    expect(ask(RequestCode.GET_BROKER_CLUSTER_INFO)).toContain(shown);
    // What the broker is known by stays, so it can still take itself off.
    expect([...handlers.context.routes.brokers.values()][0]?.addresses.get(0)).toBe('127.0.0.1:10911');
  });

  test('carries order settings only when told to', () => {
    const handlers = withBrokers();
    handlers.ask(RequestCode.PUT_KV_CONFIG, { namespace: 'ORDER_TOPIC_CONFIG', key: 'T1', value: 'broker-a:4' });
    const ask = () => textOf(handlers.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'T1' }));
    expect(ask()).not.toContain('orderTopicConf');
    handlers.ask(RequestCode.UPDATE_NAMESRV_CONFIG, {}, 'orderMessageEnable=true\n');
    expect(ask()).toContain('"orderTopicConf":"broker-a:4"');
  });

  test('is refused while the NameServer waits for brokers, if it is told to wait', () => {
    const handlers = withBrokers({ needWaitForService: true });
    const ask = () => handlers.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'T1' }).code;
    expect(ask()).toBe(1);
    handlers.nowMs += 45_000;
    expect(ask()).toBe(0);
  });

  test('shows a stand-in for the master if the setting allows it', () => {
    const handlers = new Handlers({ supportActingMaster: true });
    handlers.handle(registerBrokerRequest(slaveRegistration({ enableActingMaster: true })));
    expect(textOf(handlers.ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'T1' }))).toContain(
      '{"0":"10.0.0.2:10911"}',
    );
  });

  test('of an unknown topic is 17, without a topic an error', () => {
    expect(withBrokers().ask(RequestCode.GET_ROUTEINFO_BY_TOPIC, { topic: 'none' }).code).toBe(17);
    expect(() => withBrokers().ask(RequestCode.GET_ROUTEINFO_BY_TOPIC)).toThrow(HeaderError);
  });
});

describe('registration', () => {
  test('in the compressed form is the same as in the plain one', () => {
    const one = new Handlers();
    const other = new Handlers();
    const topics = [topic('T1', { perm: 4 }), topic('%RETRY%g', { attributes: { '+message.type': 'FIFO LIFO' } })];
    one.handle(registerBrokerRequest(registration({ topics })));
    other.handle(registerBrokerRequest(registration({ topics }), true));
    expect(other.context.routes.route('T1')).toEqual(one.context.routes.route('T1'));
    expect(other.context.routes.topics.names()).toEqual(['T1', '%RETRY%g']);
  });

  test('hands out order settings unless switched off', () => {
    const handlers = withBrokers();
    handlers.ask(RequestCode.PUT_KV_CONFIG, { namespace: 'ORDER_TOPIC_CONFIG', key: 'T1', value: 'broker-a:4' });
    const register = () => textOf(handlers.handle(registerBrokerRequest(registration())));
    expect(register()).toBe('{"table":{"T1":"broker-a:4"}}');
    handlers.context.settings.returnOrderTopicConfigToBroker = false;
    expect(register()).toBe('');
  });

  test('is logged once, not with every heartbeat', () => {
    const handlers = new Handlers();
    for (let i = 0; i < 3; i++) handlers.handle(registerBrokerRequest(registration()));
    expect(handlers.lines).toHaveLength(1);
  });

  test.each([
    ['without a name', (fields: Map<string, string>) => fields.delete('brokerName')],
    ['with an id that is no number', (fields: Map<string, string>) => fields.set('brokerId', 'zero')],
    ['with a wrong checksum', (fields: Map<string, string>) => fields.set('bodyCrc32', '12345')],
    [
      'that only claims to be compressed',
      (fields: Map<string, string>) => fields.set('compressed', 'true').set('bodyCrc32', '0'),
    ],
  ])('%s is an error and changes nothing', (_case, spoil) => {
    const handlers = new Handlers();
    const request = registerBrokerRequest(registration());
    spoil(request.extFields!);
    expect(() => handlers.handle(request)).toThrow(HeaderError);
    expect(handlers.context.routes.brokers.size).toBe(0);
  });

  test.each([
    '[]',
    'garbage',
    '{"topicConfigSerializeWrapper":7}',
    '{"topicConfigSerializeWrapper":{"topicConfigTable":{"T":1}}}',
  ])('with the body %s is an error', (body) => {
    const handlers = new Handlers();
    const request = { ...registerBrokerRequest(registration()), body: Buffer.from(body) };
    request.extFields!.delete('bodyCrc32');
    expect(() => handlers.handle(request)).toThrow(HeaderError);
  });

  test('322 asks about a version; the question is a sign of life', () => {
    const handlers = new Handlers();
    const fields = {
      brokerName: 'broker-a',
      brokerAddr: '10.0.0.1:10911',
      clusterName: 'DefaultCluster',
      brokerId: '0',
    };
    const ask = (counter: number) =>
      handlers.ask(
        RequestCode.QUERY_DATA_VERSION,
        fields,
        `{"counter":${counter},"stateVersion":0,"timestamp":1700000000000}`,
      );
    expect(ask(1).extFields!.get('changed')).toBe('true');
    expect(ask(1).body).toBeNull();
    handlers.handle(registerBrokerRequest(registration()));
    handlers.nowMs += 100_000;
    expect(ask(1).extFields!.get('changed')).toBe('false');
    expect(textOf(ask(2))).toBe('{"counter":1,"stateVersion":0,"timestamp":1700000000000}');
    expect(handlers.context.routes.expire(handlers.nowMs + 60_000)).toEqual([]);
  });
});

describe('lists', () => {
  test('can be switched off', () => {
    const handlers = withBrokers({ enableTopicList: false, enableAllTopicList: false });
    const codes = [
      handlers.ask(RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER),
      handlers.ask(RequestCode.GET_TOPICS_BY_CLUSTER, { cluster: 'DefaultCluster' }),
      handlers.ask(RequestCode.GET_UNIT_TOPIC_LIST),
      handlers.ask(RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST),
      handlers.ask(RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST),
    ].map(({ code }) => code);
    expect(codes).toEqual([1, 1, 1, 1, 1]);
  });

  test('by unit flags', () => {
    const handlers = new Handlers();
    const topics = [0, 1, 2, 3].map((topicSysFlag) => topic(`F${topicSysFlag}`, { topicSysFlag }));
    handlers.handle(registerBrokerRequest(registration({ topics })));
    const list = (code: number): unknown => JSON.parse(textOf(handlers.ask(code)));
    expect(list(RequestCode.GET_UNIT_TOPIC_LIST)).toEqual({ topicList: ['F1', 'F3'] });
    expect(list(RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST)).toEqual({ topicList: ['F2', 'F3'] });
    expect(list(RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST)).toEqual({ topicList: ['F2'] });
  });

  test('of an unknown cluster are empty', () => {
    expect(textOf(withBrokers().ask(RequestCode.GET_TOPICS_BY_CLUSTER, { cluster: 'none' }))).toBe('{"topicList":[]}');
  });
});

describe('217', () => {
  const body = (...names: string[]) =>
    JSON.stringify({
      queueDatas: names.map((brokerName) => ({
        brokerName,
        perm: 6,
        readQueueNums: 1,
        writeQueueNums: 1,
        topicSysFlag: 0,
      })),
    });

  test('stops at the first unknown broker, without an error', () => {
    const handlers = withBrokers();
    expect(handlers.ask(RequestCode.REGISTER_TOPIC_IN_NAMESRV, { topic: 'N' }, body('broker-a', 'none')).code).toBe(0);
    expect(handlers.context.routes.topics.has('N', 'broker-a')).toBe(true);
    handlers.ask(RequestCode.REGISTER_TOPIC_IN_NAMESRV, { topic: 'M' }, body('none', 'broker-a'));
    expect(handlers.context.routes.route('M')).toBeNull();
    expect(handlers.ask(RequestCode.REGISTER_TOPIC_IN_NAMESRV, { topic: 'M' }).code).toBe(0);
  });
});

describe('key-value settings', () => {
  class MemoryFile implements TextFile {
    text: string | null = null;
    isFull = false;
    read(): string | null {
      return this.text;
    }
    write(text: string): void {
      if (this.isFull) throw new Error('the disk is full');
      this.text = text;
    }
  }
  const put = (handlers: Handlers, key: string, value: string) =>
    handlers.ask(RequestCode.PUT_KV_CONFIG, { namespace: 'NS', key, value });
  const get = (handlers: Handlers, key: string) =>
    handlers.ask(RequestCode.GET_KV_CONFIG, { namespace: 'NS', key }).extFields?.get('value');

  test('survive a restart, in upstream’s layout', () => {
    const file = new MemoryFile();
    const handlers = new Handlers({}, file);
    put(handlers, 'k1', 'v1');
    put(handlers, '__proto__', 'v2');
    handlers.ask(RequestCode.DELETE_KV_CONFIG, { namespace: 'NS', key: 'k1' });
    put(handlers, 'k3', 'v3');
    const again = new Handlers({}, file);
    expect([get(again, 'k1'), get(again, '__proto__'), get(again, 'k3')]).toEqual([undefined, 'v2', 'v3']);
    expect(file.text).toBe(
      '{\n  "configTable": {\n    "NS": {\n      "__proto__": "v2",\n      "k3": "v3"\n    }\n  }\n}',
    );
  });

  test('that cannot be written are refused and not kept', () => {
    const file = new MemoryFile();
    const handlers = new Handlers({}, file);
    put(handlers, 'k', 'old');
    file.isFull = true;
    expect(() => put(handlers, 'k', 'new')).toThrow('the disk is full');
    expect(get(handlers, 'k')).toBe('old');
  });

  test('that cannot be read keep the NameServer from starting', () => {
    const file = new MemoryFile();
    file.text = 'not JSON';
    expect(() => new Handlers({}, file)).toThrow('kvConfig.json is not JSON');
  });

  test('a namespace whose last key went is empty, not absent', () => {
    const handlers = new Handlers();
    put(handlers, 'k', 'v');
    handlers.ask(RequestCode.DELETE_KV_CONFIG, { namespace: 'NS', key: 'k' });
    expect(textOf(handlers.ask(RequestCode.GET_KVLIST_BY_NAMESPACE, { namespace: 'NS' }))).toBe('{"table":{}}');
  });

  test.each(['namespace', 'key', 'value'])('need their %s', (missing) => {
    const fields: Record<string, string> = { namespace: 'NS', key: 'k', value: 'v' };
    delete fields[missing];
    expect(() => new Handlers().ask(RequestCode.PUT_KV_CONFIG, fields)).toThrow(HeaderError);
  });
});

describe('settings of the NameServer', () => {
  const update = (handlers: Handlers, text: string) => handlers.ask(RequestCode.UPDATE_NAMESRV_CONFIG, {}, text);

  test('are changed and shown', () => {
    const handlers = new Handlers();
    expect(update(handlers, 'supportActingMaster=true\nbrokerExpiryMs=5000\nunknown=1\n').code).toBe(0);
    const lines = textOf(handlers.ask(RequestCode.GET_NAMESRV_CONFIG)).split('\n');
    expect(lines).toContain('supportActingMaster=true');
    expect(lines).toContain('brokerExpiryMs=5000');
    expect(lines.join()).not.toContain('unknown');
  });

  test.each(['configBlackList', 'configStorePath', 'kvConfigPath', 'rocketmqHome'])('%s is out of reach', (name) => {
    const handlers = new Handlers();
    expect(update(handlers, `orderMessageEnable=true\n${name}=/tmp/x\n`).code).toBe(16);
    expect(handlers.context.settings.orderMessageEnable).toBe(false);
  });

  test('a value of the wrong kind changes nothing', () => {
    const handlers = new Handlers();
    expect(() => update(handlers, 'orderMessageEnable=true\nwaitSecondsForService=soon\n')).toThrow(HeaderError);
    expect(handlers.context.settings.orderMessageEnable).toBe(false);
  });
});

test('an unknown request code is answered 3', () => {
  expect(new Handlers().ask(9998).code).toBe(3);
});
