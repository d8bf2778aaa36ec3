/** Bodies of the NameServer's answers, in upstream's two dialects of JSON (spec/remoting.md 13). Called by the request handlers. */
import { printFastJson } from '../remoting/fast-json.ts';
import type { TopicQueueMappingInfo } from '../remoting/register-body.ts';
import type { BrokerData, TopicRoute } from './route-table.ts';

/** The standard one quotes integer keys and escapes what is not ASCII; the other is what callers before 4.9.4 read. */
export type Dialect = 'standard' | 'fastjson';

/** TopicRouteData. */
export function routeBody(route: TopicRoute, orderTopicConf: string | null, dialect: Dialect): Uint8Array {
  const mappings = route.mappings === undefined ? null : mapped(route.mappings, (info) => mappingJson(info, dialect));
  const text = printFastJson({
    brokerDatas: route.brokers.map((broker) => brokerJson(broker, dialect)),
    filterServerTable: {},
    orderTopicConf,
    queueDatas: route.queues.map((queues) => ({ ...queues })),
    topicQueueMappingByBroker: mappings,
  });
  return Buffer.from(dialect === 'standard' ? asciiOnly(text) : text);
}

/** ClusterInfo (106), in the old dialect for everybody. */
export function clusterBody(
  brokers: readonly BrokerData[],
  clusters: ReadonlyMap<string, ReadonlySet<string>>,
): Uint8Array {
  const byName = new Map(brokers.map((broker) => [broker.brokerName, broker]));
  const brokerAddrTable = mapped(byName, (broker) => brokerJson(broker, 'fastjson'));
  const clusterAddrTable = mapped(clusters, (brokerNames) => [...brokerNames]);
  return Buffer.from(printFastJson({ brokerAddrTable, clusterAddrTable }));
}

/** TopicList; `brokerAddr` is where a tool may ask for more. */
export function topicListBody(topicList: readonly string[], brokerAddr: string | null = null): Uint8Array {
  return Buffer.from(printFastJson({ brokerAddr, topicList }));
}

/** BrokerMemberGroup (901). */
export function memberGroupBody(
  cluster: string,
  brokerName: string,
  brokerAddrs: ReadonlyMap<number, string>,
): Uint8Array {
  return Buffer.from(printFastJson({ brokerMemberGroup: { brokerAddrs, brokerName, cluster } }));
}

/** KVTable (219, and 103's order settings). */
export function kvTableBody(table: ReadonlyMap<string, string>): Uint8Array {
  return Buffer.from(printFastJson({ table: Object.fromEntries(table) }));
}

function brokerJson({ addresses, brokerName, cluster, enableActingMaster, zoneName }: BrokerData, dialect: Dialect) {
  return { brokerAddrs: byInteger(addresses, dialect), brokerName, cluster, enableActingMaster, zoneName };
}

function mappingJson(info: TopicQueueMappingInfo, dialect: Dialect) {
  return { ...info, currIdMap: byInteger(info.currIdMap, dialect) };
}

/** The printer leaves the keys of a Map of numbers bare. The Go client before 401 splits the text there and reads a quoted key as 0. */
function byInteger<Value>(map: ReadonlyMap<number, Value>, dialect: Dialect) {
  const sorted = [...map].sort(([one], [other]) => one - other);
  return dialect === 'standard' ? Object.fromEntries(sorted) : new Map(sorted);
}

function mapped<Value, Json>(map: ReadonlyMap<string, Value>, json: (value: Value) => Json): Record<string, Json> {
  return Object.fromEntries([...map].map(([name, value]) => [name, json(value)]));
}

function asciiOnly(json: string): string {
  return json.replace(
    /[\u0080-\uffff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}`,
  );
}
