/** What operators and tools ask about topics and brokers: 106, 205, 206, 216, 217, 224, 304, 311 to 313, 327 (spec/api.md 16). */
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { responseTo } from '../remoting/frame-codec.ts';
import { optionalString, requiredString } from '../remoting/header-reader.ts';
import { asObject, bodyObject, listMember, numberMember, stringMember } from '../remoting/json-fields.ts';
import { Perm } from '../remoting/topic-config.ts';
import { clusterBody, topicListBody } from './bodies.ts';
import type { Caller, HandlerContext } from './handler-context.ts';
import { withDialledHost } from './route-filters.ts';
import { hasUnitSubscription, isUnitTopic, type QueueData } from './topic-table.ts';

/** 106. */
export function clusterInfo({ routes }: HandlerContext, request: RemotingCommand, caller: Caller): RemotingCommand {
  const brokers = [...routes.brokers.values()].map((broker) => withDialledHost(caller.localAddress, broker));
  return responseTo(request, ResponseCode.SUCCESS, null, null, clusterBody(brokers, routes.clusters));
}

/** 206. */
export function allTopics({ routes, settings }: HandlerContext, request: RemotingCommand): RemotingCommand {
  return topicList(request, settings.enableAllTopicList, () => routes.topics.names());
}

/** 224. */
export function topicsOfCluster({ routes, settings }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const brokerNames = routes.clusters.get(requiredString(request, 'cluster')) ?? new Set();
  return topicList(request, settings.enableTopicList, () => routes.topics.namesOn(brokerNames));
}

/** 304: names of clusters and brokers, each of which is a topic too, and a broker that knows the rest. */
export function systemTopics({ routes }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const names = new Set([...routes.clusters.keys(), ...routes.brokers.keys()]);
  const [first] = routes.brokers.values();
  const [address = null] = first?.addresses.values() ?? [];
  return responseTo(request, ResponseCode.SUCCESS, null, null, topicListBody([...names], address));
}

/** 311. */
export function unitTopics(context: HandlerContext, request: RemotingCommand): RemotingCommand {
  return topicsByFlag(context, request, isUnitTopic);
}

/** 312. */
export function unitSubscribedTopics(context: HandlerContext, request: RemotingCommand): RemotingCommand {
  return topicsByFlag(context, request, hasUnitSubscription);
}

/** 313. */
export function unitSubscribedOtherTopics(context: HandlerContext, request: RemotingCommand): RemotingCommand {
  return topicsByFlag(context, request, (flags) => !isUnitTopic(flags) && hasUnitSubscription(flags));
}

/** 205. */
export function wipeWritePerm({ routes, log }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const brokerName = requiredString(request, 'brokerName');
  const count = routes.topics.clearWrite(brokerName);
  log(`closed ${brokerName} for producers: ${count} topics`);
  return responseTo(request, ResponseCode.SUCCESS, null, new Map([['wipeTopicCount', String(count)]]));
}

/** 327. */
export function addWritePerm({ routes, log }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const brokerName = requiredString(request, 'brokerName');
  const count = routes.topics.allowReadWrite(brokerName);
  log(`opened ${brokerName} for producers: ${count} topics`);
  return responseTo(request, ResponseCode.SUCCESS, null, new Map([['addTopicCount', String(count)]]));
}

/** 216: everywhere, or on the brokers of one cluster. */
export function deleteTopic({ routes }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const topic = requiredString(request, 'topic');
  const clusterName = optionalString(request, 'clusterName') ?? '';
  if (clusterName === '') routes.topics.delete(topic);
  else routes.topics.deleteOn(topic, routes.clusters.get(clusterName) ?? []);
  return responseTo(request, ResponseCode.SUCCESS);
}

/** 217. Upstream's rule: the first broker that nobody knows ends it, without an error. */
export function registerTopic({ routes }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const topic = requiredString(request, 'topic');
  const body = bodyObject(request.body) ?? {};
  const queues = listMember(body, 'queueDatas').map((item): QueueData => {
    const object = asObject(item, 'a member of queueDatas');
    return {
      brokerName: stringMember(object, 'brokerName', ''),
      perm: numberMember(object, 'perm', Perm.readWrite),
      readQueueNums: numberMember(object, 'readQueueNums', 0),
      topicSysFlag: numberMember(object, 'topicSysFlag', 0),
      writeQueueNums: numberMember(object, 'writeQueueNums', 0),
    };
  });
  for (const data of queues) {
    if (!routes.brokers.has(data.brokerName)) break;
    routes.topics.put(topic, data);
  }
  return responseTo(request, ResponseCode.SUCCESS);
}

function topicsByFlag(
  { routes, settings }: HandlerContext,
  request: RemotingCommand,
  wanted: (topicSysFlag: number) => boolean,
): RemotingCommand {
  return topicList(request, settings.enableTopicList, () => routes.topics.namesByFlag(wanted));
}

function topicList(request: RemotingCommand, isEnabled: boolean, names: () => string[]): RemotingCommand {
  if (!isEnabled)
    return responseTo(request, ResponseCode.SYSTEM_ERROR, 'topic lists are switched off on this NameServer');
  return responseTo(request, ResponseCode.SUCCESS, null, null, topicListBody(names()));
}
