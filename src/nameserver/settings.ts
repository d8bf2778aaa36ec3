/**
 * The NameServer's settings by upstream's names, as 318 changes them and 319 shows them (spec/api.md 16). Only what RingMQ's NameServer really
 * follows is here.
 */
import { HeaderError } from '../remoting/command.ts';

export interface NameServerSettings {
  /** Routes carry the order settings of their topic. */
  orderMessageEnable: boolean;
  /** Brokers get all order settings with each registration. */
  returnOrderTopicConfigToBroker: boolean;
  /** Whether 224, 311, 312 and 313 are answered. */
  enableTopicList: boolean;
  /** Whether 206 is answered. */
  enableAllTopicList: boolean;
  /** A registration takes away the topics it does not name. */
  deleteTopicWithBrokerRegistration: boolean;
  /** Routes may show a slave as master (see route-filters.ts). */
  supportActingMaster: boolean;
  /** Routes are refused for the first {@link waitSecondsForService}, while brokers find their way back. */
  needWaitForService: boolean;
  waitSecondsForService: number;
  /** Silence in ms after which a broker is given up that did not say for how long it may be silent. */
  brokerExpiryMs: number;
}

export const NAME_SERVER_DEFAULTS: NameServerSettings = {
  orderMessageEnable: false,
  returnOrderTopicConfigToBroker: true,
  enableTopicList: true,
  enableAllTopicList: true,
  deleteTopicWithBrokerRegistration: false,
  supportActingMaster: false,
  needWaitForService: false,
  waitSecondsForService: 45,
  brokerExpiryMs: 120_000,
};

/** Names that nobody may change from outside: a path would let a stranger choose where the process writes (CVE-2023-37582). */
const PROTECTED: ReadonlySet<string> = new Set(['configBlackList', 'configStorePath', 'kvConfigPath', 'rocketmqHome']);

/** The names in `changes` that 318 must refuse. */
export function protectedNames(changes: ReadonlyMap<string, string>): string[] {
  return [...changes.keys()].filter((name) => PROTECTED.has(name));
}

/** Applies all of the changes or, on a value of the wrong kind, none. Unknown names are left alone, as upstream does. Throws HeaderError. */
export function changeSettings(settings: NameServerSettings, changes: ReadonlyMap<string, string>): void {
  const parsed: Partial<Record<string, boolean | number>> = {};
  for (const [name, text] of changes) {
    if (Object.hasOwn(settings, name)) parsed[name] = parseLike(settings[name as keyof NameServerSettings], name, text);
  }
  Object.assign(settings, parsed);
}

function parseLike(current: boolean | number, name: string, text: string): boolean | number {
  if (typeof current === 'number') {
    if (/^\d{1,15}$/.test(text)) return Number(text);
  } else if (text === 'true' || text === 'false') {
    return text === 'true';
  }
  throw new HeaderError(`${name} cannot be ${JSON.stringify(text)}`);
}
