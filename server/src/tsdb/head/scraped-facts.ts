import { METRIC_NAME } from '../../model/labels.ts';
import { REPORT_NAMES } from '../../model/report-names.ts';
import { isStaleBits } from '../../model/stale.ts';
import { XOR_LAST_TIME, XOR_VALUE_HI, XOR_VALUE_LO } from '../chunkenc/xor-encoder.ts';
import { NO_PLACE, OPEN_PLACE, RECORD_DOUBLES, type SeriesTable } from './series-table.ts';

/** What of the head comes from targets, and not from the scraper itself. */
export interface ScrapedFacts {
  readonly seriesCount: number;
  /** Time of the newest sample of a target; 0 when there is none. */
  readonly newestMs: number;
}

/** Goes through all series, some milliseconds for a million: for people who look, not for each scrape. */
export function scrapedFacts(table: SeriesTable): ScrapedFacts {
  const { symbols, doubles, ints } = table;
  const ids = REPORT_NAMES.map((name) => symbols.find(name)).filter((id) => id !== undefined);
  const reported = ids.reduce((sum, id) => sum + symbols.uses(id), 0);
  const name = symbols.find(METRIC_NAME);
  const isReport = (slot: number): boolean => {
    const words = table.labelSymbols(slot);
    for (let i = 0; i < words.length; i += 2) {
      if (words[i] === name) return ids.includes(words[i + 1]);
    }
    return false;
  };
  let newestMs = 0;
  for (let slot = 0; slot < table.slotEnd; slot++) {
    const at = slot * RECORD_DOUBLES;
    let lastMs = doubles[at + XOR_LAST_TIME];
    if (!(lastMs > newestMs) || !table.isUsed(slot)) continue;
    // A stale marker is the scraper's, too; the sample before it is older.
    const isOpen = ints[at * 2 + OPEN_PLACE] !== NO_PLACE;
    const isEnded = isStaleBits(ints[at * 2 + XOR_VALUE_HI], ints[at * 2 + XOR_VALUE_LO]);
    if (isOpen && isEnded) lastMs--;
    if (lastMs > newestMs && !isReport(slot)) newestMs = lastMs;
  }
  return { seriesCount: Math.max(0, table.count - reported), newestMs };
}
