/** The roles that threads of a stress run play, by the names that scenarios use. */
import { eventServer, ringer, server } from './bell-roles.ts';
import { append, net } from './request-roles.ts';
import type { Counts, RoleContext } from './scenario.ts';
import { dispatch, tailReader } from './tail-roles.ts';

export type Role = (context: RoleContext) => Counts | Promise<Counts>;

export const ROLES: Readonly<Record<string, Role>> = { net, append, dispatch, tailReader, ringer, server, eventServer };
