/**
 * Requests about live clients: heartbeat and farewell (34, 35), the check of a filter expression (46), and the lists of members (38, 203,
 * 204, 328). Spec/api.md 6, 13 and 15.4.
 */
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { optionalString, requiredString } from '../remoting/header-reader.ts';
import { asObject, bodyObject, requiredBody } from '../remoting/json-fields.ts';
import { type Answer, refusal, SUCCESS, withBody, withFields } from './answer.ts';
import type { ClientChannel, Requester } from './client-channel.ts';
import type { ClientSessions } from './client-sessions.ts';
import type { ConsumerRegistry } from './consumer-registry.ts';
import { readHeartbeat, readSubscription } from './heartbeat-data.ts';
import type { ProducerRegistry } from './producer-registry.ts';

/** 34. */
export function heartbeat(command: RemotingCommand, client: Requester, sessions: ClientSessions): Answer {
  const data = readHeartbeat(requiredBody(command.body));
  const isChanged = sessions.heartbeat(data, client, command);
  return withFields({ IS_SUPPORT_HEART_BEAT_V2: true, IS_SUB_CHANGE: isChanged });
}

/** 35. */
export function unregisterClient(command: RemotingCommand, client: Requester, sessions: ClientSessions): Answer {
  requiredString(command, 'clientID');
  sessions.unregister(
    client.connectionId,
    optionalString(command, 'producerGroup'),
    optionalString(command, 'consumerGroup'),
  );
  return withFields({});
}

/** 46: whether a consumer's filter expression will work here. */
export function checkClientConfig(command: RemotingCommand, enablePropertyFilter: boolean): Answer {
  const data = bodyObject(command.body)?.subscriptionData;
  if (data === undefined || data === null) return SUCCESS;
  const { expressionType } = readSubscription(asObject(data, 'subscriptionData'));
  if (expressionType === 'TAG') return SUCCESS;
  if (expressionType !== 'SQL92') {
    return refusal(ResponseCode.SUBSCRIPTION_PARSE_FAILED, `unknown expression type ${expressionType}`);
  }
  const why = enablePropertyFilter
    ? 'is not built yet (docs/compatibility.md)'
    : 'is switched off (enablePropertyFilter)';
  return refusal(ResponseCode.SYSTEM_ERROR, `filtering by SQL92 ${why}`);
}

/** 38. */
export function consumerListByGroup(command: RemotingCommand, consumers: ConsumerRegistry): Answer {
  const name = requiredString(command, 'consumerGroup');
  const group = consumers.get(name);
  if (group === undefined) return refusal(ResponseCode.SYSTEM_ERROR, `no consumer for this group, ${name}`);
  return withBody({ consumerIdList: [...group.channels.values()].map((channel) => channel.clientId) });
}

/** 203. */
export function consumerConnectionList(command: RemotingCommand, consumers: ConsumerRegistry): Answer {
  const name = requiredString(command, 'consumerGroup');
  const group = consumers.get(name);
  if (group === undefined) {
    return refusal(ResponseCode.CONSUMER_NOT_ONLINE, `the consumer group[${name}] not online`);
  }
  return withBody({
    connectionSet: [...group.channels.values()].map(connectionOf),
    consumeFromWhere: group.consumeFromWhere,
    consumeType: group.consumeType,
    messageModel: group.messageModel,
    subscriptionTable: group.subscriptions,
  });
}

/** 204. */
export function producerConnectionList(command: RemotingCommand, producers: ProducerRegistry): Answer {
  const name = requiredString(command, 'producerGroup');
  const channels = producers.get(name);
  if (channels === undefined) {
    return refusal(ResponseCode.SYSTEM_ERROR, `the producer group[${name}] not exist`);
  }
  return withBody({ connectionSet: [...channels.values()].map(connectionOf) });
}

/** 328. */
export function allProducerInfo(producers: ProducerRegistry): Answer {
  const data = new Map<string, object[]>();
  for (const [group, channels] of producers.all()) {
    data.set(
      group,
      [...channels.values()].map(({ clientId, language, lastUpdateMs, remote, version }) => ({
        clientId,
        language,
        lastUpdateTimestamp: lastUpdateMs,
        // Java's way of printing a socket address.
        remoteIP: `/${remote}`,
        version,
      })),
    );
  }
  return withBody({ data });
}

function connectionOf({ remote, clientId, language, version }: ClientChannel): object {
  return { clientAddr: remote, clientId, language, version };
}
