/** What the send family of a net thread works with. The net agent fills it in once; every part is that thread's own. */
import type { Random } from '../base/random.ts';
import type { BytesRing } from '../ring/bytes-ring.ts';
import type { DescriptorRingProducer } from '../ring/descriptor-ring.ts';
import type { QueueTable } from '../ring/queue-table.ts';
import type { BrokerSettings } from './broker-settings.ts';
import type { NetTables } from './net-tables.ts';
import type { PendingSends } from './pending-sends.ts';
import type { Refusal } from './refusal.ts';

export interface SendPorts {
  readonly settings: Pick<
    BrokerSettings,
    | 'brokerClusterName'
    | 'brokerName'
    | 'brokerPermission'
    | 'flushDiskType'
    | 'mappedFileSizeCommitLog'
    | 'maxMessageSize'
    | 'regionId'
    | 'traceOn'
    | 'undispatchedMaxBytes'
  >;
  readonly tables: NetTables;
  readonly bytes: BytesRing;
  readonly descriptors: DescriptorRingProducer;
  readonly queueTable: Pick<QueueTable, 'generation'>;
  readonly pending: PendingSends;
  /** This broker as records name it: address and port, 8 or 20 bytes. */
  readonly storeHost: Uint8Array;
  readonly random: Random;
  /** Why no send is taken at all: the disk is too full. Null while they are. */
  refusedByDisk(): Refusal | null;
  /** Bytes of the log that are written and not in the queues yet. */
  undispatchedBytes(): number;
}
