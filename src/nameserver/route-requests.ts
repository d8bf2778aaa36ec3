/** Where is a topic: 105, the request that every client sends every 30 s (spec/api.md 4.1). */
import { ResponseCode, Version } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { responseTo } from '../remoting/frame-codec.ts';
import { optionalBoolean, optionalString, requiredString } from '../remoting/header-reader.ts';
import { type Dialect, routeBody } from './bodies.ts';
import type { Caller, HandlerContext } from './handler-context.ts';
import { ORDER_TOPICS } from './kv-config.ts';
import { withActingMasters, withDialledHost, withinZone } from './route-filters.ts';

export function topicRoute(context: HandlerContext, request: RemotingCommand, caller: Caller): RemotingCommand {
  const { routes, settings, kv } = context;
  const topic = requiredString(request, 'topic');
  if (isStillWaiting(context))
    return responseTo(request, ResponseCode.SYSTEM_ERROR, 'this NameServer is waiting for brokers');
  let route = routes.route(topic);
  if (route === null)
    return responseTo(request, ResponseCode.TOPIC_NOT_EXIST, `no broker has registered the topic ${topic}`);
  if (settings.supportActingMaster) route = withActingMasters(topic, route);
  const isStandard = request.version >= Version.V4_9_4 || optionalBoolean(request, 'acceptStandardJsonOnly', false);
  let dialect: Dialect = isStandard ? 'standard' : 'fastjson';
  const zoneName = optionalBoolean(request, '__ZONE_MODE', false) ? optionalString(request, '__ZONE_NAME') : null;
  if (zoneName !== null && zoneName.trim() !== '') {
    route = withinZone(zoneName, route);
    // Upstream encodes a filtered route again, in the dialect of old callers.
    dialect = 'fastjson';
  }
  route = { ...route, brokers: route.brokers.map((broker) => withDialledHost(caller.localAddress, broker)) };
  const orderTopicConf = settings.orderMessageEnable ? kv.get(ORDER_TOPICS, topic) : null;
  return responseTo(request, ResponseCode.SUCCESS, null, null, routeBody(route, orderTopicConf, dialect));
}

function isStillWaiting({ settings, clock, startedMs }: HandlerContext): boolean {
  return settings.needWaitForService && clock.nowMs() - startedMs < settings.waitSecondsForService * 1000;
}
