/** Requests about subscription groups: create and change (200, 225), list and show (201, 352). Spec/api.md 15.2. */
import { QUEUES_PER_TOPIC_MAX } from '../base/limits.ts';
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { requiredString } from '../remoting/header-reader.ts';
import { asObject, bodyObject, listMember, requiredBody } from '../remoting/json-fields.ts';
import { type Answer, refusal, SUCCESS, saved, withBody, withFields } from './answer.ts';
import { alterAttributes, GROUP_ATTRIBUTES } from './attributes.ts';
import type { ControlSettings } from './control-settings.ts';
import { type GroupConfig, isGroupName, readGroupConfig } from './group-config.ts';
import type { GroupTable } from './group-table.ts';
import { pageOf } from './metadata-page.ts';

/** 200. Without a body there is nothing to do, as upstream has it. */
export function updateAndCreateGroup(command: RemotingCommand, groups: GroupTable): Answer {
  const body = bodyObject(command.body);
  return body === null ? SUCCESS : storeGroups([readGroupConfig(body)], groups);
}

/** 225. */
export function updateAndCreateGroupList(command: RemotingCommand, groups: GroupTable): Answer {
  const list = listMember(requiredBody(command.body), 'groupConfigList');
  return storeGroups(
    list.map((entry) => readGroupConfig(asObject(entry, 'a group'))),
    groups,
  );
}

/** All or none. */
function storeGroups(configs: readonly GroupConfig[], groups: GroupTable): Answer {
  for (const config of configs) {
    const error = checkGroup(config);
    if (error !== null) return refusal(ResponseCode.INVALID_PARAMETER, error);
  }
  const altered = configs.map((config) => {
    const current = groups.get(config.groupName)?.attributes ?? null;
    return { ...config, attributes: alterAttributes(GROUP_ATTRIBUTES, current, config.attributes) };
  });
  for (const config of altered) groups.put(config);
  return saved(groups.document);
}

/** Names are checked, as 5.3.4 does: one with an `@` would be mixed up with another group's offsets. */
function checkGroup({ groupName, retryQueueNums }: GroupConfig): string | null {
  if (!isGroupName(groupName)) return `the group name ${JSON.stringify(groupName)} is not legal`;
  if (!Number.isInteger(retryQueueNums) || retryQueueNums < 0 || retryQueueNums > QUEUES_PER_TOPIC_MAX) {
    return `a retry topic has 0 to ${QUEUES_PER_TOPIC_MAX} queues, not ${retryQueueNums}`;
  }
  return null;
}

/** 201: everything, or a page of it for callers that know pages. */
export function allGroupConfig(command: RemotingCommand, groups: GroupTable, settings: ControlSettings): Answer {
  const sorted = [...groups.all()].sort((a, b) => (a.groupName < b.groupName ? -1 : 1));
  const page = pageOf(command, 'groupSeq', 'maxGroupNum', sorted, groups.version, settings);
  const answer = withBody(groups.contents(page.entries));
  return page.isWhole ? answer : { ...answer, extFields: withFields({ totalGroupNum: page.total }).extFields };
}

/** 352: makes the group when it is unknown, as 5.3.3 does. */
export function groupConfig(command: RemotingCommand, groups: GroupTable): Answer {
  const name = requiredString(command, 'group');
  const config = groups.ensure(name);
  if (config === null) return groupNotExist(name);
  return withBody(config);
}

export function groupNotExist(name: string): Answer {
  return refusal(ResponseCode.SUBSCRIPTION_GROUP_NOT_EXIST, `subscription group ${name} does not exist`);
}
