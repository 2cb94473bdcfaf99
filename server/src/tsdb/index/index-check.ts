import { copyBytes } from '../../base/bytes/copy-bytes.ts';
import { CodedError } from '../../base/errors.ts';
import { SectionStream } from '../encoding/section-stream.ts';
import type { SectionFound } from '../encoding/section-stream.ts';
import { SeriesCheck, type SeriesFound } from './series-check.ts';
import { INDEX_HEADER_BYTES, type IndexToc, readToc, TOC_BYTES } from './toc.ts';

// Checks an index as its bytes pass, in memory that does not grow with it; layout in ./format.md.

const ALIGNMENT = 4;

/** A stretch of the file with one kind of things in it. */
interface Region {
  readonly endOffset: number;
  push(bytes: Uint8Array, start: number, end: number): void;
  /** Throws unless the stretch ends with the end of a thing. */
  end(): void;
}

/**
 * Looks at every byte of an index of version 2: header, checksums of all sections and series, the
 * zeros between them, and whether what they count and name is there. Throws at the first damage.
 */
export class IndexCheck {
  readonly #sizeBytes: number;
  readonly #tail: Uint8Array;
  readonly #header = new Uint8Array(INDEX_HEADER_BYTES);
  readonly #toc: IndexToc;
  #region: Region;
  readonly #later: (() => Region)[];
  #offset = 0;
  #series: SeriesFound | undefined;
  #allSeries: number | undefined;

  /**
   * @param sizeBytes of the file
   * @param tail the last {@link TOC_BYTES} bytes of the file, which tell where its parts begin
   */
  constructor(sizeBytes: number, tail: Uint8Array) {
    this.#sizeBytes = sizeBytes;
    this.#tail = copyBytes(tail);
    // The header has its turn when it passes; here it is only what `readToc` expects.
    this.#toc = readToc(withHeader(VALID_HEADER, tail), 'index');
    const [first, ...later] = this.#regions();
    this.#region = first();
    this.#later = later;
  }

  push(piece: Uint8Array): void {
    for (let at = 0; at < piece.length;) {
      while (this.#offset === this.#region.endOffset) this.#nextRegion();
      const end = Math.min(piece.length, at + this.#region.endOffset - this.#offset);
      this.#region.push(piece, at, end);
      this.#offset += end - at;
      at = end;
    }
  }

  /** What the index is about; throws unless all of it has passed. */
  end(): SeriesFound {
    if (this.#offset !== this.#sizeBytes) throw damaged('the file ends too early', this.#offset);
    readToc(withHeader(this.#header, this.#tail), 'index');
    const found = this.#series;
    if (found === undefined) throw damaged('it has no series', this.#offset);
    if (this.#allSeries !== undefined && this.#allSeries !== found.series) {
      throw damaged('the list of all series is not as long as there are series', this.#offset);
    }
    return found;
  }

  #nextRegion(): void {
    this.#region.end();
    const next = this.#later.shift();
    if (next === undefined) throw damaged('the file is too long', this.#offset);
    this.#region = next();
  }

  #regions(): (() => Region)[] {
    const toc = this.#toc;
    const tocStart = this.#sizeBytes - TOC_BYTES;
    // A part that is left out begins where the next one does, or has no beginning.
    const tables = [tocStart];
    for (const start of [toc.postingsTable, toc.labelIndicesTable, toc.postings]) {
      tables.unshift(start === 0 ? tables[0] : start);
    }
    const [postings, labelIndicesTable, postingsTable] = tables;
    const labelIndices = toc.labelIndices === 0 ? postings : toc.labelIndices;
    const starts = [toc.symbols, toc.series, labelIndices, ...tables];
    const isSorted = starts.every((start, i) => i === 0 || start >= starts[i - 1]);
    if (!isSorted || toc.symbols !== INDEX_HEADER_BYTES) {
      throw damaged('its parts are not in their order', tocStart);
    }
    return [
      () => verbatim(INDEX_HEADER_BYTES, (byte, i) => (this.#header[i] = byte)),
      () => sections('the symbol table', toc.symbols, toc.series, 1),
      () => this.#seriesRegion(toc.series, labelIndices),
      () => sections('a label index', labelIndices, postings, ALIGNMENT),
      () =>
        sections('a postings list', postings, labelIndicesTable, ALIGNMENT, (found) => {
          this.#notePostings(found);
        }),
      () => sections('the table of label indices', labelIndicesTable, postingsTable, 1),
      () => sections('the postings table', postingsTable, tocStart, 1),
      () =>
        verbatim(this.#sizeBytes, (byte, i) => {
          if (byte !== this.#tail[i]) throw damaged('it changed while it was read', tocStart);
        }),
    ];
  }

  #seriesRegion(startOffset: number, endOffset: number): Region {
    const check = new SeriesCheck(startOffset);
    return {
      endOffset,
      push: (bytes, start, end) => check.push(bytes, start, end),
      end: () => {
        if (check.isInside) throw damaged('a series ends behind the others', endOffset);
        this.#series = check.found;
      },
    };
  }

  #notePostings({ lengthBytes, count }: SectionFound): void {
    if (lengthBytes !== 4 + 4 * count) {
      throw damaged('a postings list has a wrong length', this.#offset);
    }
    // The first list is that of all series.
    this.#allSeries ??= count;
  }
}

const VALID_HEADER = Uint8Array.of(0xba, 0xaa, 0xd7, 0x00, 0x02);

function withHeader(header: Uint8Array, tail: Uint8Array): Uint8Array {
  const ends = new Uint8Array(header.length + tail.length);
  ends.set(header);
  ends.set(tail, header.length);
  return ends;
}

function sections(
  what: string,
  startOffset: number,
  endOffset: number,
  alignment: number,
  onSection: (found: SectionFound) => void = () => undefined,
): Region {
  const stream = new SectionStream(what, startOffset, alignment, onSection);
  return {
    endOffset,
    push: (bytes, start, end) => stream.push(bytes, start, end),
    end: () => {
      if (stream.isInside) throw damaged(`${what} ends behind its place`, endOffset);
    },
  };
}

function verbatim(endOffset: number, onByte: (byte: number, index: number) => void): Region {
  let index = 0;
  return {
    endOffset,
    push: (bytes, start, end) => {
      for (let at = start; at < end; at++) onByte(bytes[at], index++);
    },
    end: () => undefined,
  };
}

function damaged(reason: string, offset: number): CodedError {
  return new CodedError('ERR_INDEX', `an index is damaged: ${reason}`, { offset });
}
