/**
 * The topics and groups that a broker has before anybody asks for them (spec/api.md 3), and which names belong to the system. Called when
 * the tables of control start, and by the handlers that protect system topics.
 */
import { SCHEDULE_TOPIC } from '../layout/topic-names.ts';
import { SYSTEM_TOPICS } from '../remoting/names.ts';
import { Perm, type TopicConfig } from '../remoting/topic-config.ts';
import type { ControlSettings } from './control-settings.ts';
import { newTopicConfig } from './topic-config.ts';

/** Template of auto-created topics. Producers ask for its route when a topic is unknown. */
export const TEMPLATE_TOPIC = 'TBW102';

const WHEEL_TIMER_TOPIC = 'rmq_sys_wheel_timer';
const SYSTEM_GROUP_PREFIX = 'CID_RMQ_SYS_';

export const SYSTEM_GROUPS: readonly string[] = [
  'TOOLS_CONSUMER',
  'FILTERSRV_CONSUMER',
  'SELF_TEST_C_GROUP',
  'CID_ONS-HTTP-PROXY',
  'CID_ONSAPI_PULL',
  'CID_ONSAPI_PERMISSION',
  'CID_ONSAPI_OWNER',
  'CID_RMQ_SYS_TRANS',
];

/** Names that clients may not change on this broker, for 305: the fixed ones and those named after the cluster and the broker. */
export function systemTopicNames(settings: ControlSettings): ReadonlySet<string> {
  return new Set([...SYSTEM_TOPICS, ...topicsAtStart(settings).map((topic) => topic.topicName), WHEEL_TIMER_TOPIC]);
}

/** Groups of this kind are made even where auto-creation is off. */
export function isSystemGroup(name: string): boolean {
  return name.startsWith(SYSTEM_GROUP_PREFIX) || SYSTEM_GROUPS.includes(name);
}

export function topicsAtStart(settings: ControlSettings): TopicConfig[] {
  const { brokerName, brokerClusterName: cluster } = settings;
  const topic = (name: string, queues: number, perm: number = Perm.readWrite): TopicConfig =>
    newTopicConfig(name, queues, perm);
  const inheritable = (isOpen: boolean): number => (isOpen ? Perm.all : Perm.inherit);
  return [
    topic('SELF_TEST_TOPIC', 1),
    ...(settings.autoCreateTopicEnable ? [topic(TEMPLATE_TOPIC, settings.defaultTopicQueueNums, Perm.all)] : []),
    topic('BenchmarkTest', 1024),
    topic(cluster, 16, inheritable(settings.clusterTopicEnable)),
    topic(brokerName, 1, inheritable(settings.brokerTopicEnable)),
    topic('OFFSET_MOVED_EVENT', 1),
    topic(SCHEDULE_TOPIC, 18),
    ...(settings.traceTopicEnable ? [topic(settings.msgTraceTopicName, 1)] : []),
    topic(`${cluster}_REPLY_TOPIC`, 1),
    topic(`rmq_sys_REVIVE_LOG_${cluster}`, settings.reviveQueueNum),
    topic(`rmq_sys_SYNC_BROKER_MEMBER_${brokerName}`, 1, Perm.inherit),
    topic('RMQ_SYS_TRANS_HALF_TOPIC', 1),
    topic('RMQ_SYS_TRANS_OP_HALF_TOPIC', 1),
    ...(settings.timerWheelEnable ? [topic(WHEEL_TIMER_TOPIC, 1)] : []),
  ];
}
