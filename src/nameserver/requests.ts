/** The NameServer's one switch: a request and the connection it came on in, an answer out. No socket, no timer; the shell calls it. */
import { RequestCode, ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { responseTo } from '../remoting/frame-codec.ts';
import * as broker from './broker-requests.ts';
import type { Caller, HandlerContext } from './handler-context.ts';
import { topicRoute } from './route-requests.ts';
import * as settings from './settings-requests.ts';
import * as topic from './topic-requests.ts';

/** Throws HeaderError for a request that lacks what it needs. */
export function handleRequest(context: HandlerContext, request: RemotingCommand, caller: Caller): RemotingCommand {
  switch (request.code) {
    case RequestCode.GET_ROUTEINFO_BY_TOPIC:
      return topicRoute(context, request, caller);
    case RequestCode.REGISTER_BROKER:
      return broker.registerBroker(context, request, caller);
    case RequestCode.UNREGISTER_BROKER:
      return broker.unregisterBroker(context, request);
    case RequestCode.QUERY_DATA_VERSION:
      return broker.queryDataVersion(context, request);
    case RequestCode.BROKER_HEARTBEAT:
      return broker.brokerHeartbeat(context, request);
    case RequestCode.GET_BROKER_MEMBER_GROUP:
      return broker.brokerMemberGroup(context, request);
    case RequestCode.GET_BROKER_CLUSTER_INFO:
      return topic.clusterInfo(context, request, caller);
    case RequestCode.WIPE_WRITE_PERM_OF_BROKER:
      return topic.wipeWritePerm(context, request);
    case RequestCode.ADD_WRITE_PERM_OF_BROKER:
      return topic.addWritePerm(context, request);
    case RequestCode.GET_ALL_TOPIC_LIST_FROM_NAMESERVER:
      return topic.allTopics(context, request);
    case RequestCode.GET_TOPICS_BY_CLUSTER:
      return topic.topicsOfCluster(context, request);
    case RequestCode.GET_SYSTEM_TOPIC_LIST_FROM_NS:
      return topic.systemTopics(context, request);
    case RequestCode.GET_UNIT_TOPIC_LIST:
      return topic.unitTopics(context, request);
    case RequestCode.GET_HAS_UNIT_SUB_TOPIC_LIST:
      return topic.unitSubscribedTopics(context, request);
    case RequestCode.GET_HAS_UNIT_SUB_UNUNIT_TOPIC_LIST:
      return topic.unitSubscribedOtherTopics(context, request);
    case RequestCode.DELETE_TOPIC_IN_NAMESRV:
      return topic.deleteTopic(context, request);
    case RequestCode.REGISTER_TOPIC_IN_NAMESRV:
      return topic.registerTopic(context, request);
    case RequestCode.PUT_KV_CONFIG:
      return settings.putKv(context, request);
    case RequestCode.GET_KV_CONFIG:
      return settings.getKv(context, request);
    case RequestCode.DELETE_KV_CONFIG:
      return settings.deleteKv(context, request);
    case RequestCode.GET_KVLIST_BY_NAMESPACE:
      return settings.listKv(context, request);
    case RequestCode.UPDATE_NAMESRV_CONFIG:
      return settings.updateSettings(context, request);
    case RequestCode.GET_NAMESRV_CONFIG:
      return settings.showSettings(context, request);
    default:
      return responseTo(
        request,
        ResponseCode.REQUEST_CODE_NOT_SUPPORTED,
        `request code ${request.code} is not supported`,
      );
  }
}
