import { ByteWriter } from '../../base/bytes/byte-writer.ts';
import { crc32c } from '../../base/bytes/crc32c.ts';
import { assert, CodedError } from '../../base/errors.ts';
import type { Fs } from '../../base/ports/fs.ts';
import { compareText } from '../../model/labels.ts';
import { FileWriter } from '../encoding/file-writer.ts';
import { putSection } from '../encoding/section.ts';
import { UintList } from '../encoding/uint-list.ts';
import { PostingsBuilder, type SortedPostings } from './postings-builder.ts';
import { INDEX_MAGIC, INDEX_VERSION, putToc, type IndexToc } from './toc.ts';

// Mirrors the Writer of Prometheus tsdb/index/index.go byte for byte; layout in ./format.md.

const SERIES_ALIGNMENT = 16;
const SECTION_BYTES_MAX = 0xffffffff;
const SERIES_REF_MAX = 0xffffffff;

/** A chunk as the index knows it. */
export interface ChunkMeta {
  readonly minTimeMs: number;
  readonly maxTimeMs: number;
  /** Segment times 2^32 plus offset. */
  readonly ref: number;
}

/** Order of calls: `addSymbols`, `addSeries` for each, `finish` (or `abandon` at any time). */
export class IndexWriter {
  readonly #writer: FileWriter;
  readonly #scratch = new ByteWriter(4096);
  readonly #postings = new PostingsBuilder();
  readonly #allSeries = new UintList();
  readonly #toc: IndexToc = {
    symbols: 0,
    series: 0,
    labelIndices: 0,
    labelIndicesTable: 0,
    postings: 0,
    postingsTable: 0,
  };
  #symbols: readonly string[] = [];
  #lastLabels = new Int32Array(64);
  #lastLabelCount = 0;
  #stage: 'symbols' | 'series' | 'done' = 'symbols';

  private constructor(writer: FileWriter) {
    this.#writer = writer;
  }

  static async create(fs: Fs, path: string): Promise<IndexWriter> {
    const writer = new FileWriter(await fs.open(path, 'create'));
    writer.buffer.u32(INDEX_MAGIC);
    writer.buffer.u8(INDEX_VERSION);
    return new IndexWriter(writer);
  }

  /** @param symbols sorted by UTF-8 bytes, each once */
  async addSymbols(symbols: readonly string[]): Promise<void> {
    assert(this.#stage === 'symbols', `addSymbols in stage ${this.#stage}`);
    this.#toc.symbols = this.#writer.position;
    const body = new ByteWriter(64 * 1024);
    body.u32(symbols.length);
    for (let i = 0; i < symbols.length; i++) {
      assert(i === 0 || compareText(symbols[i - 1], symbols[i]) < 0, 'symbols out of order');
      body.uvarintText(symbols[i]);
    }
    checkSection('the symbol table', body.length);
    putSection(this.#writer.buffer, body.borrow());
    await this.#writer.settle();
    this.#symbols = symbols;
    this.#stage = 'series';
    this.#toc.series = this.#writer.position;
  }

  /**
   * Adds a series; they come in the order of their labels. Call `settle` when `isFull`.
   * @param labelRefs name and value in turn, as positions among the symbols, sorted by name
   * @param chunks in time order, without overlap
   */
  addSeries(labelRefs: ArrayLike<number>, chunks: readonly ChunkMeta[]): void {
    assert(this.#stage === 'series', 'addSeries before addSymbols, or after finish');
    assert(this.#isAfterLast(labelRefs), 'series out of order');
    this.#writer.align(SERIES_ALIGNMENT);
    const seriesRef = this.#writer.position / SERIES_ALIGNMENT;
    if (seriesRef > SERIES_REF_MAX) {
      throw new CodedError('ERR_INDEX_SIZE', 'the series of a block take more than 64 GiB');
    }
    const body = this.#scratch;
    body.reset();
    body.uvarint(labelRefs.length / 2);
    for (let i = 0; i < labelRefs.length; i += 2) {
      body.uvarint(labelRefs[i]);
      body.uvarint(labelRefs[i + 1]);
      this.#postings.add(labelRefs[i], labelRefs[i + 1], seriesRef);
    }
    putChunkMetas(body, chunks);
    const out = this.#writer.buffer;
    out.uvarint(body.length);
    out.raw(body.borrow());
    out.u32(crc32c(body.borrow()));
    this.#allSeries.push(seriesRef);
  }

  get isFull(): boolean {
    return this.#writer.isFull;
  }

  settle(): Promise<void> {
    return this.#writer.settle();
  }

  /** Writes the tables, syncs and closes. */
  async finish(): Promise<void> {
    assert(this.#stage === 'series', `finish in stage ${this.#stage}`);
    this.#stage = 'done';
    const postings = this.#postings.sort(this.#symbols.length);
    this.#toc.labelIndices = this.#writer.position;
    const labelIndices = await this.#writeLabelIndices(postings);
    this.#toc.postings = this.#writer.position;
    const postingsOffsets = await this.#writePostings(postings);
    this.#toc.labelIndicesTable = this.#writer.position;
    putTable(this.#writer.buffer, labelIndices.count, labelIndices.entries);
    this.#toc.postingsTable = this.#writer.position;
    putTable(this.#writer.buffer, postingsOffsets.count, postingsOffsets.entries);
    putToc(this.#writer.buffer, this.#toc);
    await this.#writer.finish();
  }

  async abandon(): Promise<void> {
    this.#stage = 'done';
    await this.#writer.abandon();
  }

  #isAfterLast(labelRefs: ArrayLike<number>): boolean {
    const count = labelRefs.length;
    if (count > this.#lastLabels.length) {
      const last = this.#lastLabels;
      (this.#lastLabels = new Int32Array(count * 2)).set(last);
    }
    const last = this.#lastLabels;
    const common = Math.min(this.#lastLabelCount, count);
    let i = 0;
    while (i < common && last[i] === labelRefs[i]) i++;
    const isAfter = i < common ? labelRefs[i] > last[i] : count > this.#lastLabelCount;
    for (; i < count; i++) last[i] = labelRefs[i];
    this.#lastLabelCount = count;
    return isAfter;
  }

  /** One list of values for each label name. Nobody reads them any more, but the format has them. */
  async #writeLabelIndices({ groups }: SortedPostings): Promise<OffsetTable> {
    const entries = new ByteWriter();
    const body = this.#scratch;
    let count = 0;
    for (let start = 0, end = 0; start < groups.length; start = end) {
      const { nameRef } = groups[start];
      while (end < groups.length && groups[end].nameRef === nameRef) end++;
      this.#writer.align(4);
      entries.uvarint(1);
      entries.uvarintText(this.#symbols[nameRef]);
      entries.uvarint(this.#writer.position);
      count++;
      body.reset();
      body.u32(1);
      body.u32(end - start);
      for (let i = start; i < end; i++) body.u32(groups[i].valueRef);
      putSection(this.#writer.buffer, body.borrow());
      await this.#writer.settle();
    }
    return { count, entries };
  }

  async #writePostings({ groups, series }: SortedPostings): Promise<OffsetTable> {
    const entries = new ByteWriter(64 * 1024);
    this.#writer.align(4);
    this.#putPostingsList(entries, '', '', this.#allSeries.borrow());
    for (const { nameRef, valueRef, start, end } of groups) {
      const list = series.subarray(start, end);
      this.#putPostingsList(entries, this.#symbols[nameRef], this.#symbols[valueRef], list);
      if (this.#writer.isFull) await this.#writer.settle();
    }
    return { count: groups.length + 1, entries };
  }

  #putPostingsList(entries: ByteWriter, name: string, value: string, series: Uint32Array): void {
    this.#writer.align(4);
    entries.uvarint(2);
    entries.uvarintText(name);
    entries.uvarintText(value);
    entries.uvarint(this.#writer.position);
    const body = this.#scratch;
    body.reset();
    body.reserve((series.length + 1) * 4);
    body.u32(series.length);
    for (let i = 0; i < series.length; i++) body.u32(series[i]);
    putSection(this.#writer.buffer, body.borrow());
  }
}

interface OffsetTable {
  readonly count: number;
  readonly entries: ByteWriter;
}

function putTable(into: ByteWriter, count: number, entries: ByteWriter): void {
  const body = new ByteWriter(entries.length + 4);
  body.u32(count);
  body.raw(entries.borrow());
  checkSection('an offset table', body.length);
  putSection(into, body.borrow());
}

/** The first chunk whole, the others as differences from the one before. */
function putChunkMetas(body: ByteWriter, chunks: readonly ChunkMeta[]): void {
  body.uvarint(chunks.length);
  let lastTime = 0;
  let lastRef = 0;
  for (let i = 0; i < chunks.length; i++) {
    const { minTimeMs, maxTimeMs, ref } = chunks[i];
    if (i === 0) body.varint(minTimeMs);
    else body.uvarint(minTimeMs - lastTime);
    body.uvarint(maxTimeMs - minTimeMs);
    if (i === 0) body.uvarint(ref);
    else body.varint(ref - lastRef);
    lastTime = maxTimeMs;
    lastRef = ref;
  }
}

function checkSection(what: string, sizeBytes: number): void {
  if (sizeBytes > SECTION_BYTES_MAX) {
    throw new CodedError('ERR_INDEX_SIZE', `${what} takes more than 4 GiB`, { sizeBytes });
  }
}
