/**
 * Names of the simulated disk. What a process does to them is seen at once, and is on the platter when its folder was synced; until then
 * each change is there or not after a loss of power, whatever became of the others. A rename is one change. Part of sim-disk.ts.
 */
import type { Random } from '../../src/base/random.ts';
import { SimInode } from './sim-inode.ts';

export class SimFolder {
  entries = new Map<string, SimNode>();
  /** As on the platter. */
  durable = new Map<string, SimNode>();
}

export type SimNode = SimInode | SimFolder;

/** One name of a folder gets another meaning, or none. */
interface NameChange {
  readonly folder: SimFolder;
  readonly name: string;
  /** Null takes the name away, if it still leads to `from`. */
  readonly to: SimNode | null;
  readonly from: SimNode | null;
}

export class SimFolders {
  root = new SimFolder();
  /** Not synced, oldest first; the changes of one stand or fall together. */
  #unsynced: (readonly NameChange[])[] = [];

  find(path: string): SimNode | undefined {
    let node: SimNode | undefined = this.root;
    for (const name of namesOf(path)) {
      if (!(node instanceof SimFolder)) return undefined;
      node = node.entries.get(name);
    }
    return node;
  }

  /** The folder that holds the last name of the path, and that name; null when there is no such folder. */
  place(path: string): { readonly folder: SimFolder; readonly name: string } | null {
    const names = namesOf(path);
    let node: SimNode | undefined = this.root;
    for (let i = 0; i < names.length - 1; i++) {
      if (!(node instanceof SimFolder)) return null;
      node = node.entries.get(names[i]!);
    }
    return node instanceof SimFolder ? { folder: node, name: names.at(-1)! } : null;
  }

  /** Gives names their new meaning in one step. */
  change(changes: readonly NameChange[]): void {
    for (const change of changes) apply(change, change.folder.entries);
    this.#unsynced.push(changes);
  }

  /** Everything that was done in this folder is on the platter now. */
  sync(folder: SimFolder): void {
    this.#unsynced = this.#unsynced.filter((changes) => {
      if (!changes.some((change) => change.folder === folder)) return true;
      for (const change of changes) apply(change, change.folder.durable);
      return false;
    });
  }

  get hasUnsynced(): boolean {
    return this.#unsynced.length > 0;
  }

  /** What a loss of power leaves: each change with this chance, and of each file what `left` says. */
  afterPowerLoss(random: Random, kept: number, left: (inode: SimInode) => SimInode): SimFolders {
    for (const changes of this.#unsynced) {
      if (random.next() < kept) for (const change of changes) apply(change, change.folder.durable);
    }
    return this.#copied(left, (folder) => folder.durable);
  }

  copy(): SimFolders {
    return this.#copied(
      (inode) => inode.copy(),
      (folder) => folder.entries,
    );
  }

  /** With everything that is not synced, if what a process sees is what it saw. */
  #copied(copyInode: (inode: SimInode) => SimInode, seen: (folder: SimFolder) => Map<string, SimNode>): SimFolders {
    const copies = new Map<SimNode, SimNode>();
    const copyOf = (node: SimNode): SimNode => {
      const known = copies.get(node);
      if (known !== undefined) return known;
      const copy = node instanceof SimInode ? copyInode(node) : new SimFolder();
      copies.set(node, copy);
      if (node instanceof SimFolder && copy instanceof SimFolder) {
        copy.durable = mapped(node.durable, copyOf);
        copy.entries = mapped(seen(node), copyOf);
        for (const entry of copy.entries.values()) if (entry instanceof SimInode) entry.links++;
      }
      return copy;
    };
    const folders = new SimFolders();
    folders.root = copyOf(this.root) as SimFolder;
    // After a loss of power nothing is left to be synced.
    if (seen(this.root) === this.root.entries)
      folders.#unsynced = this.#unsynced.map((changes) =>
        changes.map(({ folder, name, to, from }) => ({
          folder: copyOf(folder) as SimFolder,
          name,
          to: to && copyOf(to),
          from: from && copyOf(from),
        })),
      );
    return folders;
  }

  /** Every file once, whatever names it has. */
  files(): Set<SimInode> {
    const files = new Set<SimInode>();
    forEachFolder(this.root, ({ entries }) => {
      for (const node of entries.values()) if (node instanceof SimInode) files.add(node);
    });
    return files;
  }
}

function apply({ name, to, from }: NameChange, entries: Map<string, SimNode>): void {
  if (to !== null) entries.set(name, to);
  else if (entries.get(name) === from) entries.delete(name);
}

function mapped(entries: Map<string, SimNode>, copyOf: (node: SimNode) => SimNode): Map<string, SimNode> {
  return new Map([...entries].map(([name, node]) => [name, copyOf(node)]));
}

function forEachFolder(folder: SimFolder, action: (folder: SimFolder) => void): void {
  action(folder);
  for (const node of folder.entries.values()) if (node instanceof SimFolder) forEachFolder(node, action);
}

/** The paths of a store are few and come again and again. */
const knownPaths = new Map<string, readonly string[]>();

function namesOf(path: string): readonly string[] {
  let names = knownPaths.get(path);
  if (names === undefined) {
    names = path.split('/').filter((name) => name !== '');
    knownPaths.set(path, names);
  }
  return names;
}
