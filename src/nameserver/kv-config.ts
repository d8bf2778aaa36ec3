/**
 * Key-value settings by namespace (100, 101, 102, 219), the order settings of topics among them. Kept in a file with upstream's layout of
 * kvConfig.json. Called by the request handlers.
 */
import { objectMember, parseObject, stringMap } from '../remoting/json-fields.ts';

/** Namespace of the order settings: topic -> `brokerA:4;brokerB:4`. */
export const ORDER_TOPICS = 'ORDER_TOPIC_CONFIG';

/** A small file that is replaced as a whole, atomically. */
export interface TextFile {
  /** Null when there is none yet. */
  read(): string | null;
  write(text: string): void;
}

type Namespaces = ReadonlyMap<string, ReadonlyMap<string, string>>;

export class KvConfig {
  readonly #file: TextFile | null;
  #namespaces: Namespaces;

  /** Reads the file; without one everything is forgotten at the end. Throws when the file is there and cannot be understood. */
  constructor(file: TextFile | null) {
    this.#file = file;
    const text = file?.read() ?? null;
    this.#namespaces = text === null ? new Map() : parseNamespaces(text);
  }

  get(namespace: string, key: string): string | null {
    return this.#namespaces.get(namespace)?.get(key) ?? null;
  }

  /** All of a namespace; null when nothing was ever put into it. */
  list(namespace: string): ReadonlyMap<string, string> | null {
    return this.#namespaces.get(namespace) ?? null;
  }

  /** Stores the value; throws, and changes nothing, when the file cannot be written. */
  put(namespace: string, key: string, value: string): void {
    this.#change(namespace, new Map(this.#namespaces.get(namespace)).set(key, value));
  }

  /** As {@link put}. The namespace stays when its last key goes. */
  delete(namespace: string, key: string): void {
    const values = new Map(this.#namespaces.get(namespace));
    if (values.delete(key)) this.#change(namespace, values);
  }

  #change(namespace: string, values: ReadonlyMap<string, string>): void {
    const changed = new Map(this.#namespaces).set(namespace, values);
    this.#file?.write(printNamespaces(changed));
    this.#namespaces = changed;
  }
}

function parseNamespaces(text: string): Namespaces {
  const table = objectMember(parseObject(text, 'kvConfig.json'), 'configTable');
  return new Map(Object.keys(table).map((name) => [name, new Map(Object.entries(stringMap(table, name)))]));
}

function printNamespaces(namespaces: Namespaces): string {
  const configTable = Object.fromEntries([...namespaces].map(([name, values]) => [name, Object.fromEntries(values)]));
  return JSON.stringify({ configTable }, null, 2);
}
