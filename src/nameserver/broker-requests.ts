/** What brokers ask of the NameServer: 103, 104, 322, 901, 904 (spec/api.md 4.2 to 4.6). */
import { ResponseCode } from '../remoting/codes.ts';
import type { ExtFields, RemotingCommand } from '../remoting/command.ts';
import { isSameVersion, readDataVersion } from '../remoting/data-version.ts';
import { responseTo } from '../remoting/frame-codec.ts';
import { requiredString } from '../remoting/header-reader.ts';
import { requiredBody } from '../remoting/json-fields.ts';
import { readBrokerKey, readRegisterBroker } from '../remoting/register-broker.ts';
import { kvTableBody, memberGroupBody } from './bodies.ts';
import type { Caller, HandlerContext } from './handler-context.ts';
import { ORDER_TOPICS } from './kv-config.ts';

/** 103. The connection vouches for the broker from now on. */
export function registerBroker(context: HandlerContext, request: RemotingCommand, caller: Caller): RemotingCommand {
  const { routes, settings, kv, clock, log } = context;
  const given = readRegisterBroker(request);
  // Who dials an address of his own machine comes from that very address.
  const isHere = caller.remoteAddress === caller.localAddress;
  const registration = { ...given, asDialled: given.asDialled === true && isHere };
  const { brokerName, brokerAddr, brokerId } = registration;
  const wasKnown = routes.brokers.get(brokerName)?.addresses.get(brokerId) === brokerAddr;
  const master = routes.register(registration, caller.id, settings, clock.nowMs());
  if (master === null) {
    const remark = `${brokerName} has to register with all of its topics before it adds one`;
    log(`refused ${brokerAddr}: ${remark}`);
    return responseTo(request, ResponseCode.SYSTEM_ERROR, remark);
  }
  if (!wasKnown) log(`registered ${brokerName} (${brokerId}) at ${brokerAddr}, ${registration.topics.length} topics`);
  const fields: ExtFields = new Map();
  if (master.masterAddr !== null) fields.set('masterAddr', master.masterAddr);
  if (master.haServerAddr !== null) fields.set('haServerAddr', master.haServerAddr);
  const orderTopics = settings.returnOrderTopicConfigToBroker ? kv.list(ORDER_TOPICS) : null;
  const body = orderTopics === null ? null : kvTableBody(orderTopics);
  return responseTo(request, ResponseCode.SUCCESS, null, fields, body);
}

/** 104. Nothing to unregister is fine. */
export function unregisterBroker({ routes, log }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const key = readBrokerKey(request);
  routes.unregister(key);
  log(`unregistered ${key.brokerName} (${key.brokerId}) at ${key.brokerAddr}: it says so`);
  return responseTo(request, ResponseCode.SUCCESS);
}

/** 322: has the broker anything to register? A sign of life as well. */
export function queryDataVersion({ routes, clock }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const { clusterName, brokerAddr } = readBrokerKey(request);
  const asked = readDataVersion(requiredBody(request.body));
  const stored = routes.dataVersion(clusterName, brokerAddr);
  routes.touch(clusterName, brokerAddr, clock.nowMs());
  const isChanged = stored === null || !isSameVersion(stored, asked);
  const body = stored === null ? null : Buffer.from(JSON.stringify(stored));
  return responseTo(request, ResponseCode.SUCCESS, null, new Map([['changed', String(isChanged)]]), body);
}

/** 904. */
export function brokerHeartbeat({ routes, clock }: HandlerContext, request: RemotingCommand): RemotingCommand {
  routes.touch(requiredString(request, 'clusterName'), requiredString(request, 'brokerAddr'), clock.nowMs());
  return responseTo(request, ResponseCode.SUCCESS);
}

/** 901: master and slaves of one name. */
export function brokerMemberGroup({ routes }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const clusterName = requiredString(request, 'clusterName');
  const brokerName = requiredString(request, 'brokerName');
  const addresses = routes.brokers.get(brokerName)?.addresses ?? new Map();
  return responseTo(request, ResponseCode.SUCCESS, null, null, memberGroupBody(clusterName, brokerName, addresses));
}
