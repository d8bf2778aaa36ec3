/**
 * What a broker and a NameServer say to each other: registration (103), its withdrawal (104), the question whether anything has changed (322)
 * (spec/api.md 4). Built by the broker's registration, read by the NameServer.
 */
import { bodyCrc32 } from '../base/crc32.ts';
import { RequestCode } from './codes.ts';
import { type ExtFields, HeaderError, type RemotingCommand } from './command.ts';
import { requestOf } from './frame-codec.ts';
import {
  optionalBoolean,
  optionalInt,
  optionalLong,
  optionalString,
  requiredLong,
  requiredString,
} from './header-reader.ts';
import { bodyObject, stringMap } from './json-fields.ts';
import {
  decodeCompressedRegisterBody,
  decodeRegisterBody,
  encodeCompressedRegisterBody,
  encodeRegisterBody,
  type RegisterBody,
} from './register-body.ts';

/** One broker process as NameServers know it. */
export interface BrokerKey {
  readonly clusterName: string;
  readonly brokerName: string;
  /** `host:port` that clients dial. */
  readonly brokerAddr: string;
  /** 0 is the master. */
  readonly brokerId: number;
}

export interface RegisterBroker extends BrokerKey, RegisterBody {
  readonly haServerAddr: string;
  /** Silence after which the NameServer gives the broker up; null leaves it to the NameServer. */
  readonly heartbeatTimeoutMs: number | null;
  /** Null from brokers that do not know the field. */
  readonly enableActingMaster: boolean | null;
  readonly zoneName: string | null;
  /**
   * RingMQ's own: the broker listens on all interfaces and was told no address, so whoever reached the NameServer on the same machine reaches
   * the broker by the same host.
   */
  readonly asDialled?: boolean;
}

const ZONE_NAME = '__ZONE_NAME';
/** Apache's NameServer passes over names that it does not know. */
const AS_DIALLED = 'ringmqAsDialled';
/** No JSON object begins with it. */
const ZLIB_FIRST_BYTE = 0x78;
const NO_BYTES = new Uint8Array(0);

/** The request 103; the client gives it its opaque. */
export function registerBrokerRequest(registration: RegisterBroker, compressed = false): RemotingCommand {
  const body = compressed ? encodeCompressedRegisterBody(registration) : encodeRegisterBody(registration);
  const fields = brokerKeyFields(registration);
  fields.set('haServerAddr', registration.haServerAddr);
  fields.set('compressed', String(compressed));
  fields.set('bodyCrc32', String(bodyCrc32(body)));
  if (registration.heartbeatTimeoutMs !== null)
    fields.set('heartbeatTimeoutMillis', String(registration.heartbeatTimeoutMs));
  if (registration.enableActingMaster !== null)
    fields.set('enableActingMaster', String(registration.enableActingMaster));
  if (registration.zoneName !== null) fields.set(ZONE_NAME, registration.zoneName);
  if (registration.asDialled === true) fields.set(AS_DIALLED, 'true');
  return requestOf(RequestCode.REGISTER_BROKER, 0, fields, body);
}

/** The request 104. */
export function unregisterBrokerRequest(key: BrokerKey): RemotingCommand {
  return requestOf(RequestCode.UNREGISTER_BROKER, 0, brokerKeyFields(key));
}

/** The four fields that 103, 104 and 322 share. Throws HeaderError. */
export function readBrokerKey(request: RemotingCommand): BrokerKey {
  return {
    clusterName: requiredString(request, 'clusterName'),
    brokerName: requiredString(request, 'brokerName'),
    brokerAddr: requiredString(request, 'brokerAddr'),
    brokerId: requiredLong(request, 'brokerId'),
  };
}

/** Reads a request 103 in any of its forms, checksum included. Throws HeaderError. */
export function readRegisterBroker(request: RemotingCommand): RegisterBroker {
  const checksum = optionalInt(request, 'bodyCrc32', 0);
  if (checksum !== 0 && checksum !== bodyCrc32(request.body ?? NO_BYTES)) {
    throw new HeaderError('the checksum of the body does not match bodyCrc32');
  }
  // Brokers of 5.3.3 that compress still say `compressed=false` (seen on the wire); their own NameServer cannot read that.
  const isCompressed = optionalBoolean(request, 'compressed', false) || request.body?.[0] === ZLIB_FIRST_BYTE;
  const decode = isCompressed ? decodeCompressedRegisterBody : decodeRegisterBody;
  return {
    ...readBrokerKey(request),
    ...decode(request.body, request.version),
    haServerAddr: requiredString(request, 'haServerAddr'),
    heartbeatTimeoutMs: optionalLong(request, 'heartbeatTimeoutMillis', null),
    enableActingMaster: optionalBoolean(request, 'enableActingMaster', null),
    zoneName: optionalString(request, ZONE_NAME),
    ...(optionalBoolean(request, AS_DIALLED, false) ? { asDialled: true } : {}),
  };
}

/** What a NameServer tells a broker that has registered. */
export interface RegisterAnswer {
  /** For slaves: the master's address for clients, and for replication. */
  readonly masterAddr: string | null;
  readonly haServerAddr: string | null;
  /** Order settings by topic; null when the NameServer keeps none. */
  readonly orderTopics: Readonly<Record<string, string>> | null;
}

export function readRegisterAnswer(response: RemotingCommand): RegisterAnswer {
  const body = bodyObject(response.body);
  return {
    masterAddr: optionalString(response, 'masterAddr'),
    haServerAddr: optionalString(response, 'haServerAddr'),
    orderTopics: body === null ? null : stringMap(body, 'table'),
  };
}

function brokerKeyFields({ clusterName, brokerName, brokerAddr, brokerId }: BrokerKey): ExtFields {
  return new Map([
    ['clusterName', clusterName],
    ['brokerName', brokerName],
    ['brokerAddr', brokerAddr],
    ['brokerId', String(brokerId)],
  ]);
}
