/**
 * One file of the simulated disk: what a process sees of it, and what of that is on the platter. The platter takes sectors, each whole or
 * not at all and in any order, and sizes in the order in which they were set. Part of sim-disk.ts.
 */
import type { Random } from '../../src/base/random.ts';

export const SECTOR_BYTES = 512;

let inodes = 0;

/** What an fdatasync covers: what was dirty when it began. */
export interface SyncUnderWay {
  /** How many of the sizes that were not on the platter. */
  readonly sizes: number;
  /** Contents of sectors. */
  readonly sectors: ReadonlyMap<number, Uint8Array>;
}

export class SimInode {
  readonly number = ++inodes;
  /** As the page cache has it; zeros behind {@link size}. */
  bytes = new Uint8Array(SECTOR_BYTES);
  size = 0;
  modifiedMs = 0;
  /** Names that lead here. */
  links = 0;
  /** As the platter has it. */
  #durable = new Uint8Array(SECTOR_BYTES);
  #durableSize = 0;
  /** Sizes that were set since the last sync, oldest first. */
  #sizes: number[] = [];
  /** Sectors that differ from the platter, in the order of their first write. */
  #dirty: number[] = [];
  #isDirty = new Uint8Array(1);
  /** Sectors that the system has written back while a size before them was not on the platter yet. */
  #ahead: number[] = [];
  /** Sectors that have their blocks, and so need no room when they are written again. */
  #allocated = new Uint8Array(1);

  get isDirty(): boolean {
    return this.#dirty.length > 0 || this.#sizes.length > 0;
  }

  /** Bytes of room that a write to `[from, to)` would take. */
  roomFor(from: number, to: number): number {
    let room = 0;
    for (let sector = sectorOf(from); sector * SECTOR_BYTES < to; sector++) {
      if (this.#allocated[sector] !== 1) room += SECTOR_BYTES;
    }
    return room;
  }

  get allocatedBytes(): number {
    let count = 0;
    for (const sector of this.#allocated) count += sector;
    return count * SECTOR_BYTES;
  }

  write(from: Uint8Array, at: number, length: number, offset: number): void {
    const end = offset + length;
    this.#reach(end);
    if (end > this.size) this.#setSize(end);
    this.bytes.set(from.subarray(at, at + length), offset);
    for (let sector = sectorOf(offset); sector * SECTOR_BYTES < end; sector++) {
      this.#allocated[sector] = 1;
      this.#soil(sector);
    }
  }

  resize(size: number): void {
    this.#reach(size);
    if (size < this.size) {
      this.bytes.fill(0, size, this.size);
      // The system makes the rest of the last block zero in its cache.
      if (size % SECTOR_BYTES !== 0 && this.#allocated[sectorOf(size)] === 1) this.#soil(sectorOf(size));
      this.#allocated.fill(0, Math.ceil(size / SECTOR_BYTES));
    }
    if (size !== this.size) this.#setSize(size);
  }

  /** An fdatasync begins: some of what it covers is on the platter at once. {@link writeBackOne} has to wait for its end. */
  syncBegin(random: Random): SyncUnderWay {
    const sectors = new Map<number, Uint8Array>();
    for (const sector of [...this.#ahead, ...this.#dirty]) {
      const contents = this.#contents(sector).slice();
      sectors.set(sector, contents);
      if (random.below(2) === 0) this.#durable.set(contents, sector * SECTOR_BYTES);
    }
    return { sizes: this.#sizes.length, sectors };
  }

  /** All that it covers is on the platter now. What was changed meanwhile is dirty. */
  syncEnd({ sizes, sectors }: SyncUnderWay): void {
    this.#applySizes(sizes);
    this.#sizes = this.#sizes.slice(sizes);
    // A size that was set earlier takes nothing from what was written later.
    for (const [sector, contents] of sectors) {
      this.#durable.set(contents, sector * SECTOR_BYTES);
      if (Buffer.compare(contents, this.#contents(sector)) === 0) this.#isDirty[sector] = 0;
    }
    this.#dirty = this.#dirty.filter((sector) => this.#isDirty[sector] === 1);
    this.#ahead = [];
  }

  /** An fdatasync that fails: some sectors came through, and the cache takes all of them for clean. */
  syncInVain(random: Random): void {
    for (const sector of this.#dirty) {
      if (random.below(2) === 0) this.#writeBack(sector);
      else this.#isDirty[sector] = 0;
    }
    this.#dirty = [];
  }

  /** The system writes a sector of its own accord. */
  writeBackOne(random: Random): void {
    if (this.#dirty.length === 0) return;
    const [sector] = this.#dirty.splice(random.below(this.#dirty.length), 1);
    this.#writeBack(sector!);
    if (this.#sizes.length > 0) this.#ahead.push(sector!);
  }

  /** What a loss of power leaves: sizes up to some moment, and each dirty sector with this chance. */
  afterPowerLoss(random: Random, kept: number): SimInode {
    const left = this.#likeDurable();
    left.#applySizes(
      kept === 0 ? 0 : kept === 1 ? this.#sizes.length : random.below(this.#sizes.length + 1),
      this.#sizes,
    );
    for (const sector of this.#dirty) {
      if (random.next() >= kept) continue;
      left.#durable.set(this.#contents(sector), sector * SECTOR_BYTES);
    }
    left.#durable.fill(0, left.#durableSize);
    left.bytes = left.#durable.slice();
    left.size = left.#durableSize;
    return left;
  }

  copy(): SimInode {
    const copy = this.#likeDurable();
    copy.bytes = this.bytes.slice();
    copy.size = this.size;
    copy.#sizes = [...this.#sizes];
    copy.#dirty = [...this.#dirty];
    copy.#ahead = [...this.#ahead];
    copy.#isDirty = this.#isDirty.slice();
    return copy;
  }

  #likeDurable(): SimInode {
    const other = new SimInode();
    other.modifiedMs = this.modifiedMs;
    other.#durable = this.#durable.slice();
    other.#durableSize = this.#durableSize;
    other.#isDirty = new Uint8Array(this.#isDirty.length);
    other.#allocated = this.#allocated.slice();
    return other;
  }

  #setSize(size: number): void {
    this.size = size;
    this.#sizes.push(size);
  }

  #applySizes(count: number, sizes: readonly number[] = this.#sizes): void {
    for (let i = 0; i < count; i++) {
      const size = sizes[i]!;
      if (size < this.#durableSize) this.#durable.fill(0, size, this.#durableSize);
      this.#durableSize = size;
    }
  }

  #soil(sector: number): void {
    if (this.#isDirty[sector] === 1) return;
    this.#isDirty[sector] = 1;
    this.#dirty.push(sector);
  }

  #writeBack(sector: number): void {
    this.#durable.set(this.#contents(sector), sector * SECTOR_BYTES);
    this.#isDirty[sector] = 0;
  }

  #contents(sector: number): Uint8Array {
    return this.bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES);
  }

  /** All arrays are as long as the file has ever been, in whole sectors. */
  #reach(size: number): void {
    if (size <= this.bytes.length) return;
    const sectors = Math.max(Math.ceil(size / SECTOR_BYTES), (this.bytes.length * 2) / SECTOR_BYTES);
    this.bytes = grown(this.bytes, sectors * SECTOR_BYTES);
    this.#durable = grown(this.#durable, sectors * SECTOR_BYTES);
    this.#isDirty = grown(this.#isDirty, sectors);
    this.#allocated = grown(this.#allocated, sectors);
  }
}

function sectorOf(byte: number): number {
  return Math.floor(byte / SECTOR_BYTES);
}

function grown(bytes: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const longer = new Uint8Array(length);
  longer.set(bytes);
  return longer;
}
