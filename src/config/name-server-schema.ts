/** The settings of a NameServer that RingMQ's follows, by upstream's names, with its defaults. Read by resolve.ts. */
import { NAME_SERVER_DEFAULTS as DEFAULTS, type NameServerSettings } from '../nameserver/settings.ts';
import { count, flag, type Kind, text } from './kinds.ts';

/** The settings that requests can change, and those of the process around them. */
export interface NameServerOptions extends NameServerSettings {
  /** Interface that it listens on. */
  readonly bindAddress: string;
  /** 0 takes a free port. */
  readonly listenPort: number;
  /** File that keeps the key-value settings; empty: they end with the process. */
  readonly kvConfigPath: string;
  /** Time in ms between looks for silent brokers. */
  readonly scanNotActiveBrokerInterval: number;
}

export const NAME_SERVER_SCHEMA = {
  bindAddress: text('127.0.0.1', /^[^\s;,/]+$/, 'must be an address of this machine').describe(
    'Interface to listen on; 0.0.0.0 for all',
  ),
  listenPort: count(9876, 0, 65_535).describe('0 takes a free port'),
  kvConfigPath: text('').describe('File of the key-value settings; empty: they end with the process'),
  scanNotActiveBrokerInterval: count(10_000, 10, 3_600_000).describe('Time between looks for silent brokers'),
  orderMessageEnable: flag(DEFAULTS.orderMessageEnable).describe('Routes carry the order settings of their topic'),
  returnOrderTopicConfigToBroker: flag(DEFAULTS.returnOrderTopicConfigToBroker).describe(
    'Brokers get all order settings with each registration',
  ),
  enableTopicList: flag(DEFAULTS.enableTopicList).describe('224, 311, 312 and 313 are answered'),
  enableAllTopicList: flag(DEFAULTS.enableAllTopicList).describe('206 is answered'),
  deleteTopicWithBrokerRegistration: flag(DEFAULTS.deleteTopicWithBrokerRegistration).describe(
    'A registration takes away the topics it does not name',
  ),
  supportActingMaster: flag(DEFAULTS.supportActingMaster).describe('Routes may show a slave as master'),
  needWaitForService: flag(DEFAULTS.needWaitForService).describe('Routes are refused at first, while brokers register'),
  waitSecondsForService: count(DEFAULTS.waitSecondsForService, 0, 3600).describe('For how long they are refused'),
  brokerExpiryMs: count(DEFAULTS.brokerExpiryMs, 1000, 86_400_000).describe(
    'Silence after which a broker is given up that named no time of its own',
  ),
} satisfies { readonly [Name in keyof NameServerOptions]: Kind<NameServerOptions[Name]> };
