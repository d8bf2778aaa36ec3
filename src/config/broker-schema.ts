/**
 * The settings of a broker: names, kinds, defaults and what they mean, in one place. Names and defaults are upstream's where there is one
 * (spec/api.md 23, spec/store.md 21); docs/operations.md prints this list. Read by resolve.ts on the thread that starts the broker.
 */
import { homedir } from 'node:os';
import { addressText } from '../base/address-text.ts';
import { BODY_SIZE_MAX_BYTES, NET_THREADS_MAX, QUEUES_PER_TOPIC_MAX, SEND_WAIT_MAX_MS } from '../base/limits.ts';
import { type BrokerSettings, type FlushDiskType, PLACEMENTS } from '../broker/broker-settings.ts';
import { DEFAULT_CONTROL_SETTINGS as CONTROL } from '../broker/control-settings.ts';
import { QUEUE_ENTRY_BYTES } from '../layout/queue-entry.ts';
import { isReusePortSupported } from '../transport/reuse-port.ts';
import { choice, count, flag, type Kind, text } from './kinds.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const HOUR_MS = 3_600_000;

const NAME = /^[%|a-zA-Z0-9_-]+$/;
const NAME_MUST = 'must be letters, digits, %, |, - and _';
/** Of a broker Apache's default is the name of the machine, which may have dots. A topic has the same name; clients may not send to it if it has dots. */
const BROKER_NAME = /^[%|a-zA-Z0-9_-]+(?:\.[%|a-zA-Z0-9_-]+)*$/;
const BROKER_NAME_MUST = `${NAME_MUST}, with single dots between them`;
const HOST = /^[^\s;,/]+$/;
/** `host:port`, several joined by `;`, or nothing. */
const ADDRESS_LIST = /^(?:[^\s;,/]+:\d{1,5}(?:;[^\s;,/]+:\d{1,5})*;?)?$/;

const HOURS = /^(?:[01]?\d|2[0-3])(?:;(?:[01]?\d|2[0-3]))*;?$/;

const FLUSH_TYPES: readonly FlushDiskType[] = ['ASYNC_FLUSH', 'SYNC_FLUSH'];
const FLUSH_ALIASES = { async: 'ASYNC_FLUSH', sync: 'SYNC_FLUSH' } as const;

/** What an operator can set; the rest of BrokerSettings follows from it (see {@link completeBroker}). */
export type BrokerOptions = Omit<BrokerSettings, 'brokerAddress'>;

export const BROKER_SCHEMA = {
  brokerName: text(CONTROL.brokerName, BROKER_NAME, BROKER_NAME_MUST).describe(
    'Name of the broker; queues are known by it',
  ),
  brokerClusterName: text(CONTROL.brokerClusterName, BROKER_NAME, BROKER_NAME_MUST).describe(
    'Cluster that the broker belongs to',
  ),
  brokerId: count(CONTROL.brokerId, 0, 0, 'must be 0, the master: slaves are not built yet').describe('0, the master'),
  bindAddress: text('127.0.0.1', HOST, 'must be an address of this machine').describe(
    'Interface to listen on; 0.0.0.0 for all',
  ),
  listenPort: count(10_911, 0, 65_535).describe('0 takes a free port'),
  brokerIP1: text('', /^[^\s;,/]*$/, 'must be a host name or address').describe(
    'Host that clients are told; empty: bindAddress, or what is found when that is all interfaces (see Addresses)',
  ),
  namesrvAddr: text('', ADDRESS_LIST, 'must be host:port, several joined by ;').describe(
    'NameServers to register at, all of them; empty: nowhere',
  ),
  registerNameServerPeriod: registrationPeriod().describe('Time between registrations, held between 10000 and 60000'),
  registerBrokerTimeoutMills: count(24_000, 100, HOUR_MS).describe('How long a registration may take'),
  compressedRegister: flag(false).describe('Registrations are compressed'),
  brokerPermission: count(6, 0, 6).describe('4 read, 2 write, 6 both'),
  regionId: text('DefaultRegion').describe('Region that send answers name'),
  traceOn: flag(true).describe('Send answers let clients trace messages'),

  autoCreateTopicEnable: flag(CONTROL.autoCreateTopicEnable).describe('A send makes a topic that does not exist'),
  defaultTopicQueueNums: count(CONTROL.defaultTopicQueueNums, 1, QUEUES_PER_TOPIC_MAX).describe(
    'Queues of a topic that a send makes, at most',
  ),
  autoCreateSubscriptionGroup: flag(CONTROL.autoCreateSubscriptionGroup).describe(
    'A consumer makes a group that does not exist',
  ),
  clusterTopicEnable: flag(CONTROL.clusterTopicEnable).describe('There is a topic named like the cluster'),
  brokerTopicEnable: flag(CONTROL.brokerTopicEnable).describe('There is a topic named like the broker'),
  traceTopicEnable: flag(CONTROL.traceTopicEnable).describe('The topic of message traces is made at start'),
  msgTraceTopicName: text(CONTROL.msgTraceTopicName, NAME, NAME_MUST).describe('Name of that topic'),
  reviveQueueNum: count(CONTROL.reviveQueueNum, 1, 128).describe('Queues of the system topic of pop acknowledgements'),
  timerWheelEnable: flag(CONTROL.timerWheelEnable).describe('There is a system topic of timer messages'),
  validateSystemTopicWhenUpdateTopic: flag(CONTROL.validateSystemTopicWhenUpdateTopic).describe(
    'System topics cannot be changed by clients',
  ),
  enableMixedMessageType: flag(CONTROL.enableMixedMessageType).describe('Topics of the type MIXED are allowed'),
  notifyConsumerIdsChangedEnable: flag(CONTROL.notifyConsumerIdsChangedEnable).describe(
    'Consumers are told when their group changes',
  ),
  enablePropertyFilter: flag(CONTROL.enablePropertyFilter).describe(
    'Subscriptions may filter by SQL92 (not built yet: refused)',
  ),
  splitMetadataSize: count(CONTROL.splitMetadataSize, 1, 1_000_000).describe(
    'Largest page of listings of topics, groups',
  ),
  enableSplitMetadata: flag(CONTROL.enableSplitMetadata).describe('Those listings come in pages'),
  channelExpiredTimeout: count(CONTROL.channelExpiredTimeout, 1000, HOUR_MS).describe(
    'Silence after which a client is taken off',
  ),
  flushConsumerOffsetInterval: count(CONTROL.flushConsumerOffsetInterval, 100, HOUR_MS).describe(
    'Time between writes of the consumer offsets',
  ),
  lockMaxLiveTime: count(CONTROL.lockMaxLiveTime, 1000, HOUR_MS).describe('Life of a queue lock without renewal'),

  storePathRootDir: text(`${homedir()}/store`, /\S/, 'must be a folder').describe('Folder of the store'),
  storePathCommitLog: text('', /^[^,]*$/, 'must be one folder: a CommitLog in several is not built yet').describe(
    'Folder of the CommitLog; empty: commitlog in the store',
  ),
  mappedFileSizeCommitLog: count(GIB, 16 * KIB, 2 * GIB - 1).describe('Size of one file of the CommitLog'),
  mappedFileSizeConsumeQueue: queueFileSize().describe('Size of one file of a ConsumeQueue, whole entries'),
  maxMessageSize: count(BODY_SIZE_MAX_BYTES, 1, BODY_SIZE_MAX_BYTES).describe('Largest body'),
  messageIndexEnable: flag(true).describe('Messages can be found by their keys'),
  maxHashSlotNum: count(5_000_000, 1, 100_000_000).describe('Hash slots of one file of the key index'),
  maxIndexNum: count(20_000_000, 2, 80_000_000).describe('Entries of one file of the key index'),
  flushDiskType: choice('ASYNC_FLUSH', FLUSH_TYPES, FLUSH_ALIASES).describe(
    'SYNC_FLUSH answers after fdatasync, ASYNC_FLUSH before; sync and async for short',
  ),
  flushIntervalCommitLog: count(500, 1, 60_000).describe(
    'Async flush: longest time that written bytes wait for fdatasync',
  ),
  flushAheadBytes: count(32 * MIB, 64 * KIB, GIB).describe(
    'Async flush: so many written bytes are flushed before their time',
  ),
  // Net keeps the low 31 bits of the microsecond at which a send came, which tells 35 minutes apart.
  syncFlushTimeout: count(5000, 10, HOUR_MS / 2).describe('How long an answer waits for its flush'),
  zeroWriteNextSegment: flag(true).describe(
    'Sync flush: the next file is filled with zeros, which makes fdatasync cheaper',
  ),
  waitTimeMillsInSendQueue: count(SEND_WAIT_MAX_MS, 0, 60_000).describe(
    'How long a send may wait for room in the rings',
  ),
  undispatchedMaxBytes: count(256 * MIB, MIB, 64 * GIB).describe(
    'Dispatch may be this far behind before sends are answered SYSTEM_BUSY',
  ),

  fileReservedTime: count(72, 0, 1_000_000).describe('Hours that a file of the CommitLog is kept after its last write'),
  deleteWhen: text('04', HOURS, 'must be hours of the day, 00 to 23, several joined by ;').describe(
    'Hours of the day at which files that have expired are deleted',
  ),
  cleanResourceInterval: count(10_000, 10, HOUR_MS).describe(
    'Time between looks for files to delete, and at the disk; the first is a minute after the start',
  ),
  deleteCommitLogFilesInterval: count(100, 0, 60_000).describe('Time between deletions of two files of the CommitLog'),
  deleteConsumeQueueFilesInterval: count(100, 0, 60_000).describe('Time between queues that files are deleted of'),
  deleteFileBatchMax: count(10, 1, 1_000_000).describe('Files of the CommitLog that one look deletes, at most'),
  diskMaxUsedSpaceRatio: percent(75, 10, 95).describe(
    'Percent of the disk above which files that have expired are deleted at any hour; held between 10 and 95',
  ),
  diskSpaceCleanForciblyRatio: percent(85, 30, 85).describe(
    'Percent above which the oldest files are deleted before they expire; held between 30 and 85',
  ),
  diskSpaceWarningLevelRatio: percent(90, 35, 90).describe(
    'Percent above which sends are refused; held between 35 and 90',
  ),
  cleanFileForciblyEnable: flag(true).describe('Files may be deleted before they expire'),

  longPollingEnable: flag(true).describe('A pull that finds nothing waits as long as it asked to'),
  shortPollingTimeMills: count(1000, 1, HOUR_MS).describe('Without long polling: how long it waits'),
  litePullMessageEnable: flag(true).describe('Lite pulls (361) are answered'),
  slaveReadEnable: flag(false).describe('Pulls of old messages are sent to a slave'),
  maxTransferBytesOnMessageInMemory: count(256 * KIB, 1, 16 * MIB).describe('Bytes of one pull, of messages in memory'),
  maxTransferCountOnMessageInMemory: count(32, 1, 4096).describe('Messages of one pull, of those in memory'),
  maxTransferBytesOnMessageInDisk: count(64 * KIB, 1, 16 * MIB).describe('Bytes of one pull, of messages on disk'),
  maxTransferCountOnMessageInDisk: count(8, 1, 4096).describe('Messages of one pull, of those on disk'),
  accessMessageInMemoryMaxRatio: count(40, 0, 100).describe(
    'Percent of the memory within which a message counts as in memory',
  ),
  maxFilterMessageSize: count(16_000, 1, GIB).describe('Bytes of queue entries that one pull looks at'),

  placement: choice('full', PLACEMENTS).describe('Which agents share a thread'),
  netThreads: count(1, 1, NET_THREADS_MAX).describe('Threads with sockets; more than one needs Node 22.12 or newer'),
  connectionsMax: count(16_384, 1, 1_000_000).describe(
    'Connections of one net thread; fewer when the process may not open so many files',
  ),
  serverChannelMaxIdleTimeSeconds: count(120, 1, 86_400).describe('Silence after which a connection is closed'),
} satisfies { readonly [Name in keyof BrokerOptions]: Kind<BrokerOptions[Name]> };

/** What holds between settings and with this Node: the problems that no value has alone. */
export function checkBroker({ netThreads, placement }: BrokerOptions, nodeVersion = process.versions.node): string[] {
  if (netThreads === 1) return [];
  const problems: string[] = [];
  if (placement !== 'full') {
    problems.push(`netThreads = ${netThreads}: more than one needs the placement full, this is ${placement}`);
  }
  if (!isReusePortSupported(nodeVersion)) {
    problems.push(`netThreads = ${netThreads}: more than one needs Node 22.12 or newer, this is ${nodeVersion}`);
  }
  return problems;
}

/** Combinations that work but hardly as they were meant. */
export function adviseBroker(options: BrokerOptions): string[] {
  const isLocal =
    options.bindAddress === 'localhost' || options.bindAddress.startsWith('127.') || options.bindAddress === '::1';
  const isToldElsewhere =
    options.brokerIP1 !== '' && !options.brokerIP1.startsWith('127.') && options.brokerIP1 !== 'localhost';
  if (!isLocal || !isToldElsewhere) return [];
  return [
    `clients are told ${options.brokerIP1} (brokerIP1) but the broker listens on ${options.bindAddress} only: set bindAddress, for example to 0.0.0.0`,
  ];
}

/** Fills in what follows from the rest. */
export function completeBroker(options: BrokerOptions): BrokerSettings {
  const isAddressKnown = options.brokerIP1 !== '' && options.listenPort !== 0;
  return {
    ...options,
    storePathCommitLog: options.storePathCommitLog || `${options.storePathRootDir}/commitlog`,
    brokerAddress: isAddressKnown ? addressText(options.brokerIP1, options.listenPort) : '',
  };
}

/** Upstream takes any number and holds it between these two (spec/api.md 4.2). */
function registrationPeriod(): Kind<number> {
  return count(30_000, 0, 2 ** 31 - 1).transform((ms) => Math.min(Math.max(ms, 10_000), 60_000));
}

/** Upstream takes any number for these as well (spec/store.md 15.2). */
function percent(initial: number, min: number, max: number): Kind<number> {
  return count(initial, 0, 100).transform((value) => Math.min(Math.max(value, min), max));
}

/** Upstream rounds up to whole entries as well. */
function queueFileSize(): Kind<number> {
  return count(300_000 * QUEUE_ENTRY_BYTES, QUEUE_ENTRY_BYTES, GIB).transform(
    (bytes) => Math.ceil(bytes / QUEUE_ENTRY_BYTES) * QUEUE_ENTRY_BYTES,
  );
}
