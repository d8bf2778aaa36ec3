/**
 * What this project does with every request code of the protocol (spec/api.md 1): the one list that the coordinator's refusals and
 * docs/compatibility.md are made of. The compiler checks that no code is missing; a test compares the list with what the coordinator does.
 */
import { RequestCode, ResponseCode, requestCodeName } from '../remoting/codes.ts';
import { type Answer, refusal } from './answer.ts';

/** Who answers: a net thread, control, the NameServer; `client`: the broker itself sends it. */
export type RequestPlace = 'net' | 'control' | 'nameserver' | 'client' | 'none';

export type RequestState = 'built' | 'not yet' | 'unhandled upstream';

interface Handling {
  readonly where: RequestPlace;
  readonly state: RequestState;
  /** How it differs from upstream, or what it waits for. */
  readonly note: string;
}

export interface RequestRow extends Handling {
  readonly code: number;
  readonly name: RequestName;
}

export type RequestName = keyof typeof RequestCode;

const net = (note = ''): Handling => ({ where: 'net', state: 'built', note });
const control = (note = ''): Handling => ({ where: 'control', state: 'built', note });
const nameServer = (note = ''): Handling => ({ where: 'nameserver', state: 'built', note });
const toClients = (note = ''): Handling => ({ where: 'client', state: 'built', note });
const notYet = (note = ''): Handling => ({ where: 'none', state: 'not yet', note });
const controller = (): Handling => notYet('controller mode');
const unhandled = (): Handling => ({ where: 'none', state: 'unhandled upstream', note: '' });

const HANDLING: Readonly<Record<RequestName, Handling>> = {
  SEND_MESSAGE: net('long field names of old clients'),
  PULL_MESSAGE: net('SQL92 filters are not built yet'),
  QUERY_MESSAGE: control(
    'the broker looks at topic and key of what the index names, which upstream leaves to the client, in 50 000 entries at most: of a key that more messages have, the older ones are not found',
  ),
  QUERY_BROKER_OFFSET: unhandled(),
  QUERY_CONSUMER_OFFSET: control('on a young queue a new group is answered 0, as upstream does from the page cache'),
  UPDATE_CONSUMER_OFFSET: control(),
  UPDATE_AND_CREATE_TOPIC: control(
    'names are checked as in 5.3.4; queue.type and cleanup.policy are stored but have no effect yet',
  ),
  UPDATE_AND_CREATE_TOPIC_LIST: control(
    'all topics are checked before the first is stored; upstream stops at the first that is unchanged',
  ),
  GET_ALL_TOPIC_CONFIG: control('paged only for callers that ask for pages'),
  GET_TOPIC_CONFIG_LIST: unhandled(),
  GET_TOPIC_NAME_LIST: unhandled(),
  UPDATE_BROKER_CONFIG: notYet('changing settings at run time'),
  GET_BROKER_CONFIG: control('all settings, as properties text'),
  TRIGGER_DELETE_FILES: unhandled(),
  GET_BROKER_RUNTIME_INFO: control('every key of upstream; what has no counterpart here is 0'),
  SEARCH_OFFSET_BY_TIMESTAMP: control(),
  GET_MAX_OFFSET: control(),
  GET_MIN_OFFSET: control(),
  GET_EARLIEST_MSG_STORETIME: control(),
  VIEW_MESSAGE_BY_ID: control('only where a record begins'),
  HEART_BEAT: control('both versions; a light heartbeat for an unknown group asks for a full one'),
  UNREGISTER_CLIENT: control(),
  CONSUMER_SEND_MSG_BACK: notYet('retry and dead letters'),
  END_TRANSACTION: notYet('transactions'),
  GET_CONSUMER_LIST_BY_GROUP: control(),
  CHECK_TRANSACTION_STATE: notYet('transactions'),
  NOTIFY_CONSUMER_IDS_CHANGED: toClients('one-way, to every member of a group that has changed'),
  LOCK_BATCH_MQ: control('onlyThisBroker is accepted; there are no strict locks over replicas'),
  UNLOCK_BATCH_MQ: control(),
  GET_ALL_CONSUMER_OFFSET: control('pull offsets and reset offsets are not in it, as upstream has it'),
  GET_ALL_DELAY_OFFSET: notYet('delay levels'),
  CHECK_CLIENT_CONFIG: control('SQL92 is refused until it is built; an unknown type is answered 23'),
  GET_CLIENT_CONFIG: unhandled(),
  GET_TIMER_CHECK_POINT: notYet('timer wheel'),
  GET_TIMER_METRICS: notYet('timer wheel'),
  PUT_KV_CONFIG: nameServer(),
  GET_KV_CONFIG: nameServer(),
  DELETE_KV_CONFIG: nameServer(),
  REGISTER_BROKER: nameServer(),
  UNREGISTER_BROKER: nameServer(),
  GET_ROUTEINFO_BY_TOPIC: nameServer(),
  GET_BROKER_CLUSTER_INFO: nameServer(),
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP: control('group names are checked, as 5.3.4 does'),
  GET_ALL_SUBSCRIPTIONGROUP_CONFIG: control('paged only for callers that ask for pages'),
  GET_TOPIC_STATS_INFO: control('topicPutTps is 0'),
  GET_CONSUMER_CONNECTION_LIST: control(),
  GET_PRODUCER_CONNECTION_LIST: control(),
  WIPE_WRITE_PERM_OF_BROKER: nameServer(),
  GET_ALL_TOPIC_LIST_FROM_NAMESERVER: nameServer(),
  DELETE_SUBSCRIPTIONGROUP: notYet('deletion'),
  GET_CONSUME_STATS: control('pullOffset is the committed offset; consumeTps is 0'),
  SUSPEND_CONSUMER: unhandled(),
  RESUME_CONSUMER: unhandled(),
  RESET_CONSUMER_OFFSET_IN_CONSUMER: unhandled(),
  RESET_CONSUMER_OFFSET_IN_BROKER: unhandled(),
  ADJUST_CONSUMER_THREAD_POOL: unhandled(),
  WHO_CONSUME_THE_MESSAGE: unhandled(),
  DELETE_TOPIC_IN_BROKER: notYet('deletion'),
  DELETE_TOPIC_IN_NAMESRV: nameServer(),
  REGISTER_TOPIC_IN_NAMESRV: nameServer(),
  GET_KVLIST_BY_NAMESPACE: nameServer(),
  RESET_CONSUMER_CLIENT_OFFSET: notYet('resetting offsets'),
  GET_CONSUMER_STATUS_FROM_CLIENT: notYet('relay to clients'),
  INVOKE_BROKER_TO_RESET_OFFSET: notYet('resetting offsets'),
  INVOKE_BROKER_TO_GET_CONSUMER_STATUS: notYet('relay to clients'),
  GET_TOPICS_BY_CLUSTER: nameServer(),
  UPDATE_AND_CREATE_SUBSCRIPTIONGROUP_LIST: control('all groups are checked before the first is stored'),
  QUERY_TOPIC_CONSUME_BY_WHO: control(),
  REGISTER_FILTER_SERVER: unhandled(),
  REGISTER_MESSAGE_FILTER_CLASS: unhandled(),
  QUERY_CONSUME_TIME_SPAN: notYet(),
  GET_SYSTEM_TOPIC_LIST_FROM_NS: nameServer(),
  GET_SYSTEM_TOPIC_LIST_FROM_BROKER: control(),
  CLEAN_EXPIRED_CONSUMEQUEUE: control(
    'deletes files without messages, never that of the newest deleted one; no queue is dropped, so offsets go on',
  ),
  GET_CONSUMER_RUNNING_INFO: notYet('relay to clients'),
  QUERY_CORRECTION_OFFSET: notYet(),
  CONSUME_MESSAGE_DIRECTLY: notYet('relay to clients'),
  SEND_MESSAGE_V2: net(),
  GET_UNIT_TOPIC_LIST: nameServer(),
  GET_HAS_UNIT_SUB_TOPIC_LIST: nameServer(),
  GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST: nameServer(),
  CLONE_GROUP_OFFSET: notYet(),
  VIEW_BROKER_STATS_DATA: notYet(),
  CLEAN_UNUSED_TOPIC: notYet('deletion'),
  GET_BROKER_CONSUME_STATS: notYet(),
  UPDATE_NAMESRV_CONFIG: nameServer(),
  GET_NAMESRV_CONFIG: nameServer(),
  SEND_BATCH_MESSAGE: net(),
  QUERY_CONSUME_QUEUE: notYet(),
  QUERY_DATA_VERSION: nameServer(),
  RESUME_CHECK_HALF_MESSAGE: notYet('transactions'),
  SEND_REPLY_MESSAGE: notYet('request and reply'),
  SEND_REPLY_MESSAGE_V2: notYet('request and reply'),
  PUSH_REPLY_MESSAGE_TO_CLIENT: notYet('request and reply'),
  ADD_WRITE_PERM_OF_BROKER: nameServer(),
  GET_ALL_PRODUCER_INFO: control(),
  DELETE_EXPIRED_COMMITLOG: control('runs at once, upstream at its next look'),
  QUERY_TOPICS_BY_CONSUMER: control(),
  QUERY_SUBSCRIPTION_BY_CONSUMER: control(),
  GET_TOPIC_CONFIG: control(),
  GET_SUBSCRIPTIONGROUP_CONFIG: control('an unknown group is created, as 5.3.3 does'),
  UPDATE_AND_GET_GROUP_FORBIDDEN: notYet('read bans by group and topic'),
  CHECK_ROCKSDB_CQ_WRITE_PROGRESS: notYet('there is no RocksDB here'),
  EXPORT_ROCKSDB_CONFIG_TO_JSON: notYet('there is no RocksDB here'),
  LITE_PULL_MESSAGE: net('SQL92 filters are not built yet'),
  RECALL_MESSAGE: notYet('timer wheel'),
  QUERY_ASSIGNMENT: notYet('rebalance by the broker'),
  SET_MESSAGE_REQUEST_MODE: notYet('rebalance by the broker'),
  GET_ALL_MESSAGE_REQUEST_MODE: notYet('rebalance by the broker'),
  UPDATE_AND_CREATE_STATIC_TOPIC: notYet('static topics'),
  GET_BROKER_MEMBER_GROUP: nameServer(),
  ADD_BROKER: notYet('broker container'),
  REMOVE_BROKER: notYet('broker container'),
  BROKER_HEARTBEAT: nameServer(),
  NOTIFY_MIN_BROKER_ID_CHANGE: notYet('replication'),
  EXCHANGE_BROKER_HA_INFO: notYet('replication'),
  GET_BROKER_HA_STATUS: notYet('replication'),
  RESET_MASTER_FLUSH_OFFSET: notYet('replication'),
  CONTROLLER_ALTER_SYNC_STATE_SET: controller(),
  CONTROLLER_ELECT_MASTER: controller(),
  CONTROLLER_REGISTER_BROKER: controller(),
  CONTROLLER_GET_REPLICA_INFO: controller(),
  CONTROLLER_GET_METADATA_INFO: controller(),
  CONTROLLER_GET_SYNC_STATE_DATA: controller(),
  GET_BROKER_EPOCH_CACHE: controller(),
  NOTIFY_BROKER_ROLE_CHANGED: controller(),
  UPDATE_CONTROLLER_CONFIG: controller(),
  GET_CONTROLLER_CONFIG: controller(),
  CLEAN_BROKER_DATA: controller(),
  CONTROLLER_GET_NEXT_BROKER_ID: controller(),
  CONTROLLER_APPLY_BROKER_ID: controller(),
  BROKER_CLOSE_CHANNEL_REQUEST: controller(),
  CHECK_NOT_ACTIVE_BROKER_REQUEST: controller(),
  GET_BROKER_LIVE_INFO_REQUEST: controller(),
  GET_SYNC_STATE_DATA_REQUEST: controller(),
  RAFT_BROKER_HEART_BEAT_EVENT_REQUEST: controller(),
  UPDATE_COLD_DATA_FLOW_CTR_CONFIG: notYet('cold data flow control'),
  REMOVE_COLD_DATA_FLOW_CTR_CONFIG: notYet('cold data flow control'),
  GET_COLD_DATA_FLOW_CTR_INFO: notYet('cold data flow control'),
  SET_COMMITLOG_READ_MODE: notYet('cold data flow control'),
  AUTH_CREATE_USER: notYet('access control'),
  AUTH_UPDATE_USER: notYet('access control'),
  AUTH_DELETE_USER: notYet('access control'),
  AUTH_GET_USER: notYet('access control'),
  AUTH_LIST_USER: notYet('access control'),
  AUTH_CREATE_ACL: notYet('access control'),
  AUTH_UPDATE_ACL: notYet('access control'),
  AUTH_DELETE_ACL: notYet('access control'),
  AUTH_GET_ACL: notYet('access control'),
  AUTH_LIST_ACL: notYet('access control'),
  POP_MESSAGE: notYet('POP'),
  ACK_MESSAGE: notYet('POP'),
  PEEK_MESSAGE: notYet('POP'),
  CHANGE_MESSAGE_INVISIBLETIME: notYet('POP'),
  NOTIFICATION: notYet('POP'),
  POLLING_INFO: notYet('POP'),
  POP_ROLLBACK: notYet('POP'),
  BATCH_ACK_MESSAGE: notYet('POP'),
};

/** By code, ascending. */
export const REQUEST_TABLE: readonly RequestRow[] = (Object.keys(HANDLING) as RequestName[])
  .map((name) => ({ code: RequestCode[name], name, ...HANDLING[name] }))
  .sort((a, b) => a.code - b.code);

/** The answer to a request that the broker does not serve. */
export function notSupported(code: number): Answer {
  const row = REQUEST_TABLE.find((candidate) => candidate.code === code);
  return refusal(ResponseCode.REQUEST_CODE_NOT_SUPPORTED, `request type ${code} not supported: ${reason(row)}`);
}

function reason(row: RequestRow | undefined): string {
  if (row === undefined) return 'no such code';
  const name = requestCodeName(row.code);
  if (row.where === 'nameserver') return `${name} is for the NameServer`;
  if (row.where === 'client') return `${name} is for clients`;
  return row.state === 'not yet' ? `${name} is not built yet` : `${name} is not served by upstream either`;
}
