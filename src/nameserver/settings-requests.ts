/** What operators keep on the NameServer: key-value settings (100 to 102, 219) and its own settings (318, 319) (spec/api.md 16). */
import { ResponseCode } from '../remoting/codes.ts';
import type { RemotingCommand } from '../remoting/command.ts';
import { responseTo } from '../remoting/frame-codec.ts';
import { requiredString } from '../remoting/header-reader.ts';
import { parseProperties, printProperties } from '../remoting/properties-text.ts';
import { kvTableBody } from './bodies.ts';
import type { HandlerContext } from './handler-context.ts';
import { changeSettings, protectedNames } from './settings.ts';

/** 100. */
export function putKv({ kv }: HandlerContext, request: RemotingCommand): RemotingCommand {
  kv.put(requiredString(request, 'namespace'), requiredString(request, 'key'), requiredString(request, 'value'));
  return responseTo(request, ResponseCode.SUCCESS);
}

/** 101. */
export function getKv({ kv }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const namespace = requiredString(request, 'namespace');
  const key = requiredString(request, 'key');
  const value = kv.get(namespace, key);
  if (value === null)
    return responseTo(request, ResponseCode.QUERY_NOT_FOUND, `nothing is kept for ${namespace} ${key}`);
  return responseTo(request, ResponseCode.SUCCESS, null, new Map([['value', value]]));
}

/** 102. */
export function deleteKv({ kv }: HandlerContext, request: RemotingCommand): RemotingCommand {
  kv.delete(requiredString(request, 'namespace'), requiredString(request, 'key'));
  return responseTo(request, ResponseCode.SUCCESS);
}

/** 219. */
export function listKv({ kv }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const namespace = requiredString(request, 'namespace');
  const values = kv.list(namespace);
  if (values === null) return responseTo(request, ResponseCode.QUERY_NOT_FOUND, `nothing is kept for ${namespace}`);
  return responseTo(request, ResponseCode.SUCCESS, null, null, kvTableBody(values));
}

/** 318. Lasts until the process ends. */
export function updateSettings({ settings, log }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const changes = parseProperties(Buffer.from(request.body ?? []).toString());
  const refused = protectedNames(changes);
  if (refused.length > 0) {
    return responseTo(request, ResponseCode.NO_PERMISSION, `not to be changed from outside: ${refused.join(', ')}`);
  }
  changeSettings(settings, changes);
  log(`settings changed from outside: ${[...changes.keys()].join(', ')}`);
  return responseTo(request, ResponseCode.SUCCESS);
}

/** 319. */
export function showSettings({ settings }: HandlerContext, request: RemotingCommand): RemotingCommand {
  const body = Buffer.from(printProperties(Object.entries(settings)));
  return responseTo(request, ResponseCode.SUCCESS, null, null, body);
}
