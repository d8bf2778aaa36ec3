/**
 * RingMQ in a Node program: start a NameServer, a broker, or both, and stop them by their handles. This is the package's face and the only
 * file of src that passes on what others hold. The servers run in threads of their own; see src/README.md.
 */
export type { FlushDiskType, Placement } from './broker/broker-settings.ts';
export type { BrokerOptions } from './config/broker-schema.ts';
export { ConfigurationError } from './config/configuration-error.ts';
export type { NameServerOptions } from './config/name-server-schema.ts';
export { type BrokerConfig, type BrokerHandle, startBroker } from './embed/start-broker.ts';
export {
  type NameServerConfig,
  type NameServerHandle,
  type NameServerPlace,
  startNameServer,
} from './embed/start-name-server.ts';
export { type StandaloneConfig, type StandaloneHandle, startStandalone } from './embed/start-standalone.ts';
export type { NameServerStats } from './nameserver/nameserver.ts';
export { type Log, type LogLevel, SILENT } from './observe/log.ts';
export type { CounterName, StageName, WatermarkName } from './ring/status-page.ts';
export type { BrokerStats } from './threads/broker-node.ts';
export type { StageFigures } from './threads/control/runtime-figures.ts';
export type { NodeFailure } from './threads/node-events.ts';
