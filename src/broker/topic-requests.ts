/**
 * Requests about topics: create and change (17, 18), list and show (21, 351, 305), and the creation that a send to an unknown topic asks
 * for. Spec/api.md 3 and 15.1.
 */
import { QUEUES_PER_TOPIC_MAX } from '../base/limits.ts';
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import {
  optionalBoolean,
  optionalInt,
  optionalString,
  requiredInt,
  requiredString,
} from '../remoting/header-reader.ts';
import { asObject, listMember, requiredBody } from '../remoting/json-fields.ts';
import { isDeadLetterTopic, isRetryTopic, isSystemTopic, topicError } from '../remoting/names.ts';
import { filterType, Perm, readTopicConfig, type TopicConfig } from '../remoting/topic-config.ts';
import { type Answer, refusal, SUCCESS, saved, withBody, withFields } from './answer.ts';
import { alterAttributes, parseChangeList, TOPIC_ATTRIBUTES } from './attributes.ts';
import type { ControlSettings } from './control-settings.ts';
import { pageOf } from './metadata-page.ts';
import { newTopicConfig, sameTopicConfig } from './topic-config.ts';
import type { TopicTable } from './topic-table.ts';

/** What 17 and 18 are checked against. */
export interface TopicRules {
  readonly settings: ControlSettings;
  /** Names that clients may not touch. */
  readonly systemTopics: ReadonlySet<string>;
}

/** 17. */
export function updateAndCreateTopic(command: RemotingCommand, topics: TopicTable, rules: TopicRules): Answer {
  const config: TopicConfig = {
    attributes: parseChangeList(optionalString(command, 'attributes') ?? ''),
    order: optionalBoolean(command, 'order', false),
    perm: requiredInt(command, 'perm'),
    readQueueNums: requiredInt(command, 'readQueueNums'),
    topicFilterType: filterType(requiredString(command, 'topicFilterType')),
    topicName: requiredString(command, 'topic'),
    topicSysFlag: optionalInt(command, 'topicSysFlag', 0),
    writeQueueNums: requiredInt(command, 'writeQueueNums'),
  };
  const error = checkTopic(config, rules);
  if (error !== null) return refusal(ResponseCode.INVALID_PARAMETER, error);
  topics.put(withAlteredAttributes(config, topics));
  return saved(topics.document);
}

/** 18: all are checked before the first is stored. */
export function updateAndCreateTopicList(command: RemotingCommand, topics: TopicTable, rules: TopicRules): Answer {
  const list = listMember(requiredBody(command.body), 'topicConfigList');
  const configs = list.map((entry) => readTopicConfig(asObject(entry, 'a topic')));
  for (const config of configs) {
    const error = checkTopic(config, rules);
    if (error !== null) return refusal(ResponseCode.INVALID_PARAMETER, error);
  }
  const altered = configs.map((config) => withAlteredAttributes(config, topics));
  for (const config of altered) topics.put(config);
  return saved(topics.document);
}

/** Why a topic may not be made or changed like this; null when it may. */
function checkTopic(config: TopicConfig, { settings, systemTopics }: TopicRules): string | null {
  const { topicName, perm, readQueueNums, writeQueueNums, attributes } = config;
  const nameError = topicError(topicName);
  if (nameError !== null) return nameError;
  if (settings.validateSystemTopicWhenUpdateTopic && (systemTopics.has(topicName) || isSystemTopic(topicName))) {
    return `The topic[${topicName}] is conflict with system topic.`;
  }
  if (attributes['+message.type'] === 'MIXED' && !settings.enableMixedMessageType) {
    return 'message.type=MIXED is switched off (enableMixedMessageType)';
  }
  if (!Number.isInteger(perm) || perm < 0 || perm > Perm.all) return `perm ${perm} is not one of 0 to ${Perm.all}`;
  for (const queues of [readQueueNums, writeQueueNums]) {
    if (!Number.isInteger(queues) || queues < 0 || queues > QUEUES_PER_TOPIC_MAX) {
      return `a topic has 0 to ${QUEUES_PER_TOPIC_MAX} queues, not ${queues}`;
    }
  }
  return null;
}

/** The attributes of an update are changes to those that the topic has. */
function withAlteredAttributes(config: TopicConfig, topics: TopicTable): TopicConfig {
  const present = topics.get(config.topicName);
  // Sent back as it was read, attributes and all: upstream takes that for no change.
  if (present !== undefined && sameTopicConfig(present, config)) return present;
  return { ...config, attributes: alterAttributes(TOPIC_ATTRIBUTES, present?.attributes ?? null, config.attributes) };
}

/** 21: everything, or a page of it for callers that know pages. */
export function allTopicConfig(command: RemotingCommand, topics: TopicTable, settings: ControlSettings): Answer {
  const page = pageOf(command, 'topicSeq', 'maxTopicNum', topics.snapshot().topics, topics.version, settings);
  const topicConfigTable = new Map(page.entries.map((config) => [config.topicName, config]));
  const answer = withBody({
    dataVersion: topics.version.fields,
    mappingDataVersion: { counter: 0, stateVersion: 0, timestamp: 0 },
    topicConfigTable,
    topicQueueMappingDetailMap: {},
    topicQueueMappingInfoMap: {},
  });
  return page.isWhole ? answer : { ...answer, extFields: withFields({ totalTopicNum: page.total }).extFields };
}

/** 351. */
export function topicConfig(command: RemotingCommand, topics: TopicTable): Answer {
  const name = requiredString(command, 'topic');
  const config = topics.get(name);
  if (config === undefined) return refusal(ResponseCode.TOPIC_NOT_EXIST, `No topic in this broker. topic: ${name}`);
  return withBody(config);
}

/** 305. */
export function systemTopicList({ systemTopics }: TopicRules): Answer {
  return withBody({ topicList: [...systemTopics] });
}

/** A send to an unknown topic: makes it after its template, or says why not (spec/api.md 3). */
export function ensureTopic(
  topic: string,
  template: string,
  clientQueues: number,
  topics: TopicTable,
  settings: ControlSettings,
): Answer {
  if (topics.has(topic)) return SUCCESS;
  const nameError = topicError(topic);
  if (nameError !== null) return refusal(ResponseCode.INVALID_PARAMETER, nameError);
  const inherited = inheritedConfig(topic, topics.get(template), clientQueues);
  if (inherited !== null) {
    topics.put(inherited);
    return SUCCESS;
  }
  if (isRetryTopic(topic) || isDeadLetterTopic(topic)) {
    topics.put(newTopicConfig(topic, 1, Perm.readWrite));
    return SUCCESS;
  }
  const hint = settings.autoCreateTopicEnable
    ? `template ${template} cannot be inherited from`
    : 'auto-creation is off';
  return refusal(ResponseCode.TOPIC_NOT_EXIST, `topic[${topic}] not exist: ${hint}`);
}

function inheritedConfig(topic: string, template: TopicConfig | undefined, clientQueues: number): TopicConfig | null {
  if (template === undefined || (template.perm & Perm.inherit) === 0) return null;
  const queues = Math.max(1, Math.min(clientQueues, template.writeQueueNums));
  const { topicFilterType } = template;
  return { ...newTopicConfig(topic, queues, template.perm & ~Perm.inherit), topicFilterType };
}
